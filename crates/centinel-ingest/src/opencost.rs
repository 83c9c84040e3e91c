//! Allocations of OpenCost and Kubecost: `/allocation/compute` and `/allocation`, and saved bodies.
//!
//! One charge a workload, window and kind of cost that is not zero: CPU, GPU, RAM, volumes, network,
//! load balancer, shared, external, each with its adjustment to the bill. `__idle__` and
//! `__unallocated__` are kept under their names. OpenCost cuts the money of a cloud bill once more,
//! so that such a source is an allocation: in no total.
//!
//! # Source
//!
//! opencost/opencost, `core/pkg/opencost/allocation.go` and `allocationprops.go`; opencost.io, "API"
//! and "API Examples".

use centinel_engine::{money::Decimal, period::Period, series::Dimension};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    json,
    records::{Output, PageIds, Piece, Record, Records, natural_id, reported_charge, set_owners},
    sanitize::set_text,
};

/// A kind of cost: its name, its amounts, and the quantity that it pays for.
struct Kind {
    name: &'static str,
    costs: &'static [&'static str],
    quantity: Option<(&'static str, &'static str)>,
}

const KINDS: [Kind; 8] = [
    Kind {
        name: "cpu",
        costs: &["cpuCost", "cpuCostAdjustment"],
        quantity: Some(("cpuCoreHours", "Core-Hours")),
    },
    Kind {
        name: "gpu",
        costs: &["gpuCost", "gpuCostAdjustment"],
        quantity: Some(("gpuHours", "GPU-Hours")),
    },
    Kind {
        name: "ram",
        costs: &["ramCost", "ramCostAdjustment"],
        quantity: Some(("ramByteHours", "Byte-Hours")),
    },
    Kind {
        name: "pv",
        costs: &["pvCost", "pvCostAdjustment"],
        quantity: Some(("pvByteHours", "Byte-Hours")),
    },
    // The three kinds of network cost are parts of the first.
    Kind { name: "network", costs: &["networkCost", "networkCostAdjustment"], quantity: None },
    Kind {
        name: "load balancer",
        costs: &["loadBalancerCost", "loadBalancerCostAdjustment"],
        quantity: None,
    },
    Kind { name: "shared", costs: &["sharedCost"], quantity: None },
    Kind { name: "external", costs: &["externalCost"], quantity: None },
];

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Body<'a> {
    #[serde(default)]
    code: Option<u16>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Allocations by name, in their order; a name may stand twice in hostile JSON, and is kept twice.
struct Set<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Set<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Set<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("allocations by name")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((_, value)) = map.next_entry::<json::Text<'de>, &'de RawValue>()? {
                    members.push(value);
                }
                Ok(Set(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Reads allocations.
#[derive(Default)]
pub(crate) struct Allocations {
    ids: PageIds,
}

impl Records for Allocations {
    fn split<'d>(
        &mut self,
        document: &'d str,
        findings: &mut Findings,
    ) -> Result<Vec<Piece<'d>>, String> {
        self.ids.clear();
        let body: Body<'_> =
            serde_json::from_str(document).map_err(|error| json::reason(&error))?;
        if let Some(code) = body.code.filter(|code| *code != 200) {
            return Err(format!("the answer has code `{code}`, not 200"));
        }
        // Without a body around it, the document is a set.
        let data = body.data.map_or(document, RawValue::get);
        let sets: Vec<&RawValue> = if data.starts_with('[') {
            serde_json::from_str(data).map_err(|error| json::reason(&error))?
        } else {
            vec![serde_json::from_str(data).map_err(|error| json::reason(&error))?]
        };
        let mut pieces = Vec::new();
        for set in sets {
            if set.get() == "null" {
                let message = "is a window without data";
                findings.note("data", FindingStatus::Note, message);
                continue;
            }
            match serde_json::from_str::<Set<'d>>(set.get()) {
                Ok(Set(members)) => {
                    pieces.extend(members.into_iter().map(|member| Piece::from(member.get())));
                }
                Err(_) => pieces.push(Piece {
                    bucket: Err("not a set of allocations by name".to_owned()),
                    ..Piece::from(set.get())
                }),
            }
        }
        Ok(pieces)
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, options, findings, out, .. } = record;
        let name = fields.get("name").ok_or("no `name`")?;
        let start = fields.instant(&["window.start", "start"], row, findings)?;
        let end = fields.instant(&["window.end", "end"], row, findings)?;
        let (start, end) = start.zip(end).ok_or("no `window`")?;
        let period = Period::new(start, end).map_err(|error| format!("window: {error}"))?;
        let mut has_any = false;
        for kind in KINDS {
            let Some(amount) = sum(fields, kind.costs)? else { continue };
            has_any = true;
            if amount.is_zero() {
                continue;
            }
            let mut charge = reported_charge(period, amount, options.currency, "kubernetes");
            let times = [start.to_string(), end.to_string()];
            let [start, end] = &times;
            let cluster = fields.get("properties.cluster").unwrap_or_default();
            let id = natural_id("allocation", &[start, end, cluster, name, kind.name]);
            charge.charge_id = Some(self.ids.unique(id));
            let labels = &mut charge.labels;
            labels.set(Dimension::ServiceCategory, "Compute");
            labels.set(Dimension::Service, "Kubernetes");
            set_owners(labels, fields.below("properties.labels"), options);
            set_owners(labels, fields.below("properties.annotations"), options);
            for (dimension, path) in [
                (Dimension::BillingAccount, "properties.cluster"),
                (Dimension::SubAccount, "properties.namespace"),
                (Dimension::Application, "properties.controller"),
            ] {
                if labels.get(&dimension).is_none() {
                    labels.set(dimension, fields.get(path).unwrap_or_default());
                }
            }
            set_text(&mut charge.resource_id, name);
            set_text(&mut charge.sku, kind.name);
            set_text(&mut charge.charge_description, name);
            if let Some((path, unit)) = kind.quantity {
                charge.consumed_quantity = fields.decimal(&[path])?;
                if charge.consumed_quantity.is_some() {
                    set_text(&mut charge.consumed_unit, unit);
                }
            }
            out.push(Output::Charge(charge));
        }
        if !has_any {
            return Err("no cost of any kind".to_owned());
        }
        if out.is_empty() {
            findings.row("", FindingStatus::Note, "allocation that costs nothing", row);
        }
        note_total(fields, out, row, findings)
    }
}

/// A cost with its adjustment; `None` where the allocation has neither.
fn sum(fields: &Fields, paths: &[&str]) -> Result<Option<Decimal>, String> {
    let mut sum: Option<Decimal> = None;
    for path in paths {
        if let Some(amount) = fields.decimal(&[path])? {
            let sum_so_far = sum.unwrap_or(Decimal::ZERO);
            sum =
                Some(amount.checked_add(sum_so_far).map_err(|error| format!("`{path}` {error}"))?);
        }
    }
    Ok(sum)
}

/// Tells where the parts are not the whole: a kind of cost that is not known would be missing.
fn note_total(
    fields: &Fields,
    out: &[Output],
    row: u64,
    findings: &mut Findings,
) -> Result<(), String> {
    let Some(total) = fields.decimal(&["totalCost"])? else { return Ok(()) };
    let mut sum = Decimal::ZERO;
    for output in out {
        if let Output::Charge(charge) = output {
            sum = sum
                .checked_add(charge.billed_cost)
                .map_err(|error| format!("`totalCost` {error}"))?;
        }
    }
    // OpenCost adds floats: the last digits differ.
    let difference = total.checked_add(negated(sum)?).map_err(|error| error.to_string())?;
    let tolerance = Decimal::new(1, 4).map_err(|error| error.to_string())?;
    if difference > tolerance || negated(difference)? > tolerance {
        let message = "is not what its parts add up to: the parts are kept";
        findings.row("totalCost", FindingStatus::Nonconforming, message, row);
    }
    Ok(())
}

fn negated(value: Decimal) -> Result<Decimal, String> {
    value.checked_mul(Decimal::from_integer(-1)).map_err(|error| error.to_string())
}
