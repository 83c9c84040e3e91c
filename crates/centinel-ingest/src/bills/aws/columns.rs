//! The columns of a report, and what they say of costs.

use centinel_engine::{focus::Charge, money::Decimal, series::Dimension};

use super::Kind;
use crate::{
    csv_rows::Values,
    table::{Column, Header},
    tags,
};

/// Where the columns are. Names are those of CUR 2.0; the older spelling is the same but for
/// punctuation.
pub(super) struct Columns {
    pub(super) line_item_type: Column,
    pub(super) start: Column,
    pub(super) end: Column,
    pub(super) currency: Column,
    pub(super) unblended: Column,
    net_unblended: Column,
    reservation_effective: Column,
    net_reservation_effective: Column,
    plan_effective: Column,
    net_plan_effective: Column,
    reservation_unused: [Column; 2],
    net_reservation_unused: [Column; 2],
    plan_total: Column,
    plan_used: Column,
    pub(super) on_demand_cost: Column,
    pub(super) usage_amount: Column,
    pub(super) usage_type: Column,
    pub(super) pricing_unit: Column,
    pub(super) resource_id: Column,
    pub(super) description: Column,
    pub(super) invoice_id: Column,
    pub(super) bill_type: Column,
    pub(super) period_start: Column,
    pub(super) payer: Column,
    usage_account: Column,
    pub(super) product_code: Column,
    service_name: Column,
    pub(super) product: Column,
    pub(super) product_model: Column,
    pub(super) region: Column,
    pub(super) plan_arn: Column,
    pub(super) reservation_arn: Column,
    pub(super) principal: Column,
    pub(super) tag_maps: Vec<Column>,
    pub(super) by_tag: Vec<(usize, String)>,
}

/// The costs of one row.
pub(super) struct Costs {
    pub(super) unblended: Decimal,
    pub(super) billed: Decimal,
    pub(super) effective: Decimal,
    /// The report has net costs.
    pub(super) is_net: bool,
    /// The effective cost is the unblended one for want of a better.
    pub(super) is_assumed: bool,
}

impl Columns {
    pub(super) fn new(header: &Header) -> Self {
        let column = |name: &str| header.column(&[name]);
        let mut by_tag = Vec::new();
        for prefix in ["resourceTags/", "resource_tags_", "resource_tags/", "tags_"] {
            // Query engines write `user:team` as `user_team`.
            by_tag.extend(header.with_prefix(prefix));
        }
        Self {
            line_item_type: column("line_item_line_item_type"),
            start: column("line_item_usage_start_date"),
            end: column("line_item_usage_end_date"),
            currency: header.column(&["line_item_currency_code", "pricing_currency"]),
            unblended: column("line_item_unblended_cost"),
            net_unblended: column("line_item_net_unblended_cost"),
            reservation_effective: column("reservation_effective_cost"),
            net_reservation_effective: column("reservation_net_effective_cost"),
            plan_effective: column("savings_plan_savings_plan_effective_cost"),
            net_plan_effective: column("savings_plan_net_savings_plan_effective_cost"),
            reservation_unused: [
                column("reservation_unused_amortized_upfront_fee_for_billing_period"),
                column("reservation_unused_recurring_fee"),
            ],
            net_reservation_unused: [
                column("reservation_net_unused_amortized_upfront_fee_for_billing_period"),
                column("reservation_net_unused_recurring_fee"),
            ],
            plan_total: column("savings_plan_total_commitment_to_date"),
            plan_used: column("savings_plan_used_commitment"),
            on_demand_cost: column("pricing_public_on_demand_cost"),
            usage_amount: column("line_item_usage_amount"),
            usage_type: column("line_item_usage_type"),
            pricing_unit: column("pricing_unit"),
            resource_id: column("line_item_resource_id"),
            description: column("line_item_line_item_description"),
            invoice_id: column("bill_invoice_id"),
            bill_type: column("bill_bill_type"),
            period_start: column("bill_billing_period_start_date"),
            payer: column("bill_payer_account_id"),
            usage_account: column("line_item_usage_account_id"),
            product_code: column("line_item_product_code"),
            service_name: header.column(&["product_product_name", "product_servicename"]),
            product: column("product"),
            product_model: column("product_model"),
            region: header.column(&["product_region_code", "product_region"]),
            plan_arn: column("savings_plan_savings_plan_a_r_n"),
            reservation_arn: column("reservation_reservation_a_r_n"),
            principal: column("line_item_iam_principal"),
            tag_maps: ["resource_tags", "tags"]
                .into_iter()
                .map(column)
                .filter(Column::exists)
                .collect(),
            by_tag,
        }
    }

    /// Billed and effective cost, as the table of the module says.
    pub(super) fn costs(&self, kind: Kind, values: Values<'_>) -> Result<Costs, String> {
        let unblended = self
            .unblended
            .amount(values)?
            .ok_or_else(|| format!("`{}` is null", self.unblended.name()))?;
        let net = self.net_unblended.amount(values)?;
        let is_net = self.net_unblended.exists();
        let paid = match (net, kind) {
            (Some(net), _) => net,
            // Its amount is in the net costs of other rows.
            (None, Kind::Discount) if is_net => Decimal::ZERO,
            (None, _) => unblended,
        };
        let of = |net: &Column, gross: &Column| -> Result<Option<Decimal>, String> {
            Ok(net.amount(values)?.or(gross.amount(values)?))
        };
        let mut is_assumed = false;
        let (billed, effective) = match kind {
            Kind::Negation => (Decimal::ZERO, Decimal::ZERO),
            Kind::CoveredUsage => {
                let effective = of(&self.net_plan_effective, &self.plan_effective)?;
                is_assumed = effective.is_none();
                (Decimal::ZERO, effective.unwrap_or(paid))
            }
            Kind::ReservedUsage => {
                let effective = of(&self.net_reservation_effective, &self.reservation_effective)?;
                is_assumed = effective.is_none();
                (paid, effective.unwrap_or(paid))
            }
            Kind::ReservationFee => {
                let mut unused = None;
                for (net, gross) in self.net_reservation_unused.iter().zip(&self.reservation_unused)
                {
                    if let Some(part) = of(net, gross)? {
                        let sum = unused.unwrap_or(Decimal::ZERO).checked_add(part);
                        unused = Some(sum.map_err(|error| error.to_string())?);
                    }
                }
                is_assumed = unused.is_none();
                (paid, unused.unwrap_or(paid))
            }
            Kind::PlanFee => {
                match (self.plan_total.amount(values)?, self.plan_used.amount(values)?) {
                    (Some(total), Some(used)) => {
                        (paid, total.checked_sub(used).map_err(|error| error.to_string())?)
                    }
                    _ => {
                        is_assumed = true;
                        (paid, paid)
                    }
                }
            }
            Kind::UpfrontFee => (paid, Decimal::ZERO),
            // The upfront part of a reservation: its usage carries it.
            Kind::Fee if self.reservation_arn.get(values).is_some() => (paid, Decimal::ZERO),
            _ => (paid, paid),
        };
        Ok(Costs { unblended, billed, effective, is_net, is_assumed })
    }

    /// Sets provider, service, region and accounts.
    pub(super) fn label(&self, charge: &mut Charge, values: Values<'_>) {
        let labels = &mut charge.labels;
        labels.set(Dimension::Provider, "AWS");
        let code = self.product_code.get(values);
        if let Some(category) = code.and_then(service_category) {
            labels.set(Dimension::ServiceCategory, category);
        }
        for (dimension, value) in [
            (Dimension::BillingAccount, self.payer.get(values)),
            (Dimension::SubAccount, self.usage_account.get(values)),
        ] {
            labels.set(dimension, value.unwrap_or_default());
        }
        // In CUR 2.0 what has no column of its own stands in the map of the product.
        let in_map = || tags::member(self.product.get(values)?, &["productname", "servicename"]);
        let service = self.service_name.get(values).map(str::to_owned).or_else(in_map);
        labels.set(Dimension::Service, service.as_deref().or(code).unwrap_or_default());
        let region = self.region.get(values).or_else(|| region_of(self.usage_type.get(values)?));
        labels.set(Dimension::Region, region.unwrap_or_default());
    }
}

/// The FOCUS category of the services that most bills have.
fn service_category(code: &str) -> Option<&'static str> {
    Some(match code {
        "AmazonBedrock"
        | "AmazonBedrockService"
        | "AmazonBedrockFoundationModels"
        | "AmazonSageMaker"
        | "AmazonQ"
        | "AmazonTextract"
        | "AmazonRekognition"
        | "AmazonComprehend"
        | "AmazonTranscribe"
        | "AmazonPolly"
        | "AmazonKendra" => "AI and Machine Learning",
        "AmazonEC2" | "AWSLambda" | "AmazonECS" | "AmazonEKS" | "AmazonECR" | "AWSBatch" => {
            "Compute"
        }
        "AmazonS3"
        | "AmazonEFS"
        | "AmazonFSx"
        | "AmazonS3GlacierDeepArchive"
        | "AmazonGlacier"
        | "AWSBackup" => "Storage",
        "AmazonRDS" | "AmazonDynamoDB" | "AmazonElastiCache" | "AmazonRedshift" | "AmazonDocDB"
        | "AmazonNeptune" => "Databases",
        "AmazonVPC" | "AmazonCloudFront" | "AWSDataTransfer" | "AmazonRoute53"
        | "AWSDirectConnect" => "Networking",
        "AmazonAthena" | "AWSGlue" | "AmazonKinesis" | "AmazonQuickSight" => "Analytics",
        "AmazonCloudWatch" | "AWSCloudTrail" | "AWSConfig" => "Management and Governance",
        "awskms" | "AWSSecretsManager" | "AmazonGuardDuty" | "awswaf" => "Security",
        _ => return None,
    })
}

/// The region that the prefix of a usage type names, as in `USE1-…`.
pub(super) fn region_of(usage_type: &str) -> Option<&'static str> {
    const REGIONS: [(&str, &str); 33] = [
        ("USE1", "us-east-1"),
        ("USE2", "us-east-2"),
        ("USW1", "us-west-1"),
        ("USW2", "us-west-2"),
        ("UGW1", "us-gov-west-1"),
        ("UGE1", "us-gov-east-1"),
        ("CAN1", "ca-central-1"),
        ("CAN2", "ca-west-1"),
        ("SAE1", "sa-east-1"),
        ("MXC1", "mx-central-1"),
        ("EU", "eu-west-1"),
        ("EUW1", "eu-west-1"),
        ("EUW2", "eu-west-2"),
        ("EUW3", "eu-west-3"),
        ("EUC1", "eu-central-1"),
        ("EUC2", "eu-central-2"),
        ("EUN1", "eu-north-1"),
        ("EUS1", "eu-south-1"),
        ("EUS2", "eu-south-2"),
        ("APN1", "ap-northeast-1"),
        ("APN2", "ap-northeast-2"),
        ("APN3", "ap-northeast-3"),
        ("APS1", "ap-southeast-1"),
        ("APS2", "ap-southeast-2"),
        ("APS3", "ap-south-1"),
        ("APS4", "ap-southeast-3"),
        ("APS5", "ap-south-2"),
        ("APS6", "ap-southeast-4"),
        ("APE1", "ap-east-1"),
        ("MES1", "me-south-1"),
        ("MEC1", "me-central-1"),
        ("AFS1", "af-south-1"),
        ("ILC1", "il-central-1"),
    ];
    let usage_type = usage_type.strip_prefix("MP:").unwrap_or(usage_type);
    let (prefix, _) = usage_type.split_once(['-', '_'])?;
    REGIONS.iter().find(|(known, _)| *known == prefix).map(|(_, region)| *region)
}
