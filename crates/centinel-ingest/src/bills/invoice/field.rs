//! What a column of an invoice can hold.

use std::{fmt, str::FromStr};

use centinel_engine::series::Dimension;

use crate::calls::{Field, normalize};

/// A field of a charge. The names are those of `--map COLUMN=FIELD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChargeField {
    /// `amount`: what the line asks for.
    Amount,
    /// `list_amount`: what it would cost at list prices.
    ListAmount,
    /// `period_start`: the day, or the month, that the line is for, or the first day of it.
    PeriodStart,
    /// `period_end`: the last day, inclusive.
    PeriodEnd,
    /// `charge_kind`: Usage, Purchase, Tax, Credit, Adjustment, or the usual words for them.
    Category,
    /// `quantity`, in `unit`.
    Quantity,
    /// `seats`: a quantity of seats.
    Seats,
    /// `unit`.
    Unit,
    /// `description`.
    Description,
    /// `invoice_id`.
    InvoiceId,
    /// `line_id`: the line's own id, unique for ever within one source.
    LineId,
    /// `sku`.
    Sku,
    /// `resource_id`.
    ResourceId,
}

impl ChargeField {
    /// Every field.
    pub const ALL: [Self; 13] = [
        Self::Amount,
        Self::ListAmount,
        Self::PeriodStart,
        Self::PeriodEnd,
        Self::Category,
        Self::Quantity,
        Self::Seats,
        Self::Unit,
        Self::Description,
        Self::InvoiceId,
        Self::LineId,
        Self::Sku,
        Self::ResourceId,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::ListAmount => "list_amount",
            Self::PeriodStart => "period_start",
            Self::PeriodEnd => "period_end",
            Self::Category => "charge_kind",
            Self::Quantity => "quantity",
            Self::Seats => "seats",
            Self::Unit => "unit",
            Self::Description => "description",
            Self::InvoiceId => "invoice_id",
            Self::LineId => "line_id",
            Self::Sku => "sku",
            Self::ResourceId => "resource_id",
        }
    }
}

impl fmt::Display for ChargeField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ChargeField {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|field| field.name() == name).ok_or(())
    }
}

/// The field that a column names, and how good the name is.
pub(super) fn guess(name: &str) -> Option<(Field, u8)> {
    use ChargeField as Charge;
    let charge = |field, rank| (Field::Charge(field), rank);
    let label = |dimension, rank| (Field::Label(dimension), rank);
    Some(match normalize(name).as_str() {
        "amount" | "lineamount" | "lineitemamount" => charge(Charge::Amount, 0),
        "netamount" | "amountusd" | "subtotal" | "amountdue" | "chargeamount" => {
            charge(Charge::Amount, 1)
        }
        "total" | "linetotal" | "totalamount" | "invoiceamount" | "billedamount" => {
            charge(Charge::Amount, 2)
        }
        "cost" | "charge" | "charges" | "price" | "totalcost" | "spend" => {
            charge(Charge::Amount, 3)
        }
        "listamount" | "listprice" | "listcost" => charge(Charge::ListAmount, 0),
        "periodstart" | "serviceperiodstart" | "startdate" | "start" | "from" | "billingstart"
        | "billingperiodstart" | "servicestart" | "chargeperiodstart" => {
            charge(Charge::PeriodStart, 0)
        }
        "billingmonth" | "month" | "period" | "billingperiod" | "serviceperiod" => {
            charge(Charge::PeriodStart, 1)
        }
        "date" | "usagedate" | "chargedate" | "day" => charge(Charge::PeriodStart, 2),
        "invoicedate" | "issuedate" | "issuedon" | "billdate" | "createdat" | "created" => {
            charge(Charge::PeriodStart, 3)
        }
        "periodend" | "serviceperiodend" | "enddate" | "end" | "to" | "billingend"
        | "billingperiodend" | "serviceend" | "chargeperiodend" => charge(Charge::PeriodEnd, 0),
        "chargecategory" | "chargekind" | "chargetype" | "linetype" | "type" => {
            charge(Charge::Category, 0)
        }
        "quantity" | "qty" | "units" => charge(Charge::Quantity, 0),
        "seats" | "seatcount" | "licenses" | "licences" | "numberofseats" | "users"
        | "licensecount" => charge(Charge::Seats, 0),
        "unit" | "unitofmeasure" | "uom" => charge(Charge::Unit, 0),
        "description" | "linedescription" | "lineitem" | "item" | "memo" | "details" => {
            charge(Charge::Description, 0)
        }
        "invoiceid" | "invoicenumber" | "invoiceno" | "invoice" => charge(Charge::InvoiceId, 0),
        "lineid" | "lineitemid" | "invoicelineitemid" | "invoicelineid" => {
            charge(Charge::LineId, 0)
        }
        "sku" | "skuid" | "productcode" | "partnumber" => charge(Charge::Sku, 0),
        "resourceid" => charge(Charge::ResourceId, 0),
        "currency" | "currencycode" | "billingcurrency" | "invoicecurrency" => (Field::Currency, 0),
        "provider" | "vendor" | "vendorname" | "supplier" | "providername" | "merchant" => {
            label(Dimension::Provider, 0)
        }
        "service" | "servicename" | "product" | "productname" | "plan" | "planname"
        | "subscription" | "application" | "app" => label(Dimension::Service, 0),
        "servicecategory" | "category" => label(Dimension::ServiceCategory, 0),
        "region" => label(Dimension::Region, 0),
        "account" | "accountid" | "billingaccount" | "billingaccountid" | "organization"
        | "organizationid" => label(Dimension::BillingAccount, 0),
        "workspace" | "project" | "projectid" | "subaccount" | "subaccountid" => {
            label(Dimension::SubAccount, 0)
        }
        "team" | "department" | "teamname" => label(Dimension::Team, 0),
        "environment" | "env" => label(Dimension::Environment, 0),
        "feature" => label(Dimension::Feature, 0),
        "process" => label(Dimension::Process, 0),
        "model" => label(Dimension::Model, 0),
        _ => return None,
    })
}
