//! Subscriptions of invented vendors: two shared services without an owner, seats, tax.

use centinel_engine::money::Pico;
use jiff::civil::Date;

use super::{Line, Row, Sku, Vendor, tags};
use crate::{FileCategory, World, calendar::shifted, organisation::TEAMS};

const fn vendor(provider: &'static str, slug: &'static str, is_open: bool) -> Vendor {
    let category = FileCategory::Saas;
    Vendor { provider, slug, category, account: slug, contract_permille: 1_000, is_open }
}

static VECTOR_STORE: Vendor = vendor("Vectorry (generated)", "vector-store", false);
static GATEWAY: Vendor = vendor("Gatepath (generated)", "gateway", true);
static SEATS: Vendor = vendor("Seatwell (generated)", "seats", false);

pub(super) static VENDORS: [&Vendor; 3] = [&VECTOR_STORE, &GATEWAY, &SEATS];

static READS: Sku = Sku {
    vendor: &VECTOR_STORE,
    service: "Vector store",
    category: "Databases",
    subcategory: "NoSQL Databases",
    id: "vectors-read",
    meter: "Read units",
    unit: "Million Units",
    resource_type: "Index",
    micros: 16_000_000,
};

static REQUESTS: Sku = Sku {
    vendor: &GATEWAY,
    service: "LLM gateway",
    category: "Integration",
    subcategory: "API Management",
    id: "gateway-requests",
    meter: "Requests",
    unit: "1000 Requests",
    resource_type: "Gateway",
    micros: 4_500_000,
};

/// Shared by every team: no tag says who used them; `shared-usage.csv` does.
static LINES: [Line; 2] =
    [line(&READS, "shared-index", 3.6), line(&REQUESTS, "shared-gateway", 4.2)];

const fn line(sku: &'static Sku, label: &'static str, per_day: f64) -> Line {
    Line {
        sku,
        label,
        sub_account: "halden",
        team: None,
        environment: "production",
        region: "global",
        per_day,
        weekend: 0.6,
        growth: 0.03,
    }
}

/// Seats of each team, in the order of the teams, at the price of one.
const SEAT_COUNTS: [i128; 8] = [14, 22, 12, 9, 11, 13, 8, 5];
const SEAT: Pico = Pico(29 * Pico::ONE.0);
const TAX_PERCENT: i128 = 19;

impl World {
    pub(super) fn subscription_charges(&self, vendor: &'static Vendor, day: Date) -> Vec<Row> {
        let lines = LINES.iter().filter(|line| line.sku.vendor.slug == vendor.slug);
        let mut rows: Vec<Row> =
            lines.map(|line| self.usage(line, day, self.quantity(line, day, None))).collect();
        if vendor.slug == SEATS.slug && (day.day() == 1 || day == self.first_day) {
            self.seats(day, &mut rows);
        }
        rows
    }

    /// A month of seats, and the tax on them.
    fn seats(&self, day: Date, into: &mut Vec<Row>) {
        let month = day.first_of_month();
        let blank = Row {
            charge_frequency: "Recurring",
            service_category: "Business Applications",
            service_name: "Assistant seats",
            service_subcategory: "Productivity and Collaboration",
            ..self.blank(&SEATS, month, shifted(month.last_of_month(), 1))
        };
        let mut sum = 0;
        for (team, count) in TEAMS.into_iter().zip(SEAT_COUNTS) {
            let cost = Pico(SEAT.0 * count);
            sum += cost.0;
            into.push(Row {
                billed_cost: cost,
                charge_category: "Purchase",
                charge_description: format!("{count} seats for a month"),
                contracted_cost: cost,
                effective_cost: cost,
                list_cost: cost,
                list_unit_price: Some(SEAT.to_decimal()),
                pricing_category: Some("Standard"),
                pricing_quantity: Some(super::thousandths(count * 1_000)),
                pricing_unit: Some("Seats"),
                sku_id: Some("seat-month"),
                tags: Some(tags(team, "production")),
                ..blank.clone()
            });
        }
        let tax = Pico(sum / 100 * TAX_PERCENT);
        into.push(Row {
            billed_cost: tax,
            charge_category: "Tax",
            charge_description: format!("Value added tax, {TAX_PERCENT} %"),
            contracted_cost: tax,
            effective_cost: tax,
            list_cost: tax,
            ..blank
        });
    }
}
