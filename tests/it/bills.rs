//! Bills of a month that is delivered again and again: nothing counts twice, nothing is lost.

use crate::product::Home;

const HEADER: &str = "bill_payer_account_id,bill_billing_period_start_date,line_item_usage_account_id,\
    line_item_line_item_type,line_item_usage_start_date,line_item_usage_end_date,\
    line_item_product_code,line_item_usage_type,line_item_usage_amount,line_item_currency_code,\
    line_item_unblended_cost\n";

/// A day's line of a report.
fn line(day: u8, cost: &str) -> String {
    format!(
        "1,2026-11-01T00:00:00Z,2,Usage,2026-11-{day:02}T00:00:00Z,2026-11-{day:02}T01:00:00Z,\
         AmazonEC2,USE1-BoxUsage:m5.large,1,USD,{cost}\n"
    )
}

/// The effective cost of November.
fn spent(home: &Home) -> String {
    let args = ["spend", "--from", "2026-11-01", "--until", "2026-12-01", "--json"];
    let answer = home.run(&args).ok().json();
    let text = answer.to_string();
    answer
        .pointer("/total/cost")
        .or_else(|| answer.pointer("/totals/0/cost"))
        .and_then(|cost| cost.as_str())
        .map_or(text, str::to_owned)
}

#[test]
fn a_later_delivery_takes_the_place_of_the_earlier_one() {
    let home = Home::new();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let first = path(&home.file("first.csv", &format!("{HEADER}{}{}", line(1, "1"), line(2, "2"))));
    let parts = [
        path(&home.file("later-1.csv", &format!("{HEADER}{}{}", line(1, "1.5"), line(2, "2")))),
        path(&home.file("later-2.csv", &format!("{HEADER}{}{}", line(2, "0.25"), line(3, "3")))),
    ];
    home.run(&["import", &first]).ok();
    assert_eq!(spent(&home), "3");

    let refused = home.run(&["import", &parts[0]]);
    assert_eq!(refused.code, 1);
    for expected in
        ["has charges of 2026-11 of account `1` already", "`first.csv`", "--overlap replace"]
    {
        assert!(refused.err.contains(expected), "{}", refused.err);
    }
    assert_eq!(spent(&home), "3");

    // Both files are one delivery: the second does not replace the first.
    let replaced = home.run(&["import", "--overlap", "replace", &parts[0], &parts[1]]).ok();
    assert!(replaced.err.contains("took the place of batch 1"), "{}", replaced.err);
    assert_eq!(spent(&home), "6.75");
    home.run(&["ledger", "verify"]).ok();

    let again = home.run(&["import", &first]).ok();
    assert!(again.err.contains("took the place of this file since"), "{}", again.err);
    assert_eq!(spent(&home), "6.75");

    // A day that the source does not have is a part that was missing.
    let day = path(&home.file("day.csv", &format!("{HEADER}{}", line(4, "4"))));
    home.run(&["import", &day]).ok();
    assert_eq!(spent(&home), "10.75");
}

#[test]
fn rows_to_compare_with_are_in_no_total() {
    let home = Home::new();
    let bill = home.file("bill.csv", &format!("{HEADER}{}", line(1, "7")));
    let bill = bill.to_str().unwrap();
    home.run(&["import", bill]).ok();
    home.run(&["import", "--invoice", bill]).ok();
    assert_eq!(spent(&home), "7");
    let other = home.file("other.csv", &format!("{HEADER}{}", line(2, "7")));
    let mixed = home.run(&["import", "--invoice", "--source", "aws", other.to_str().unwrap()]);
    assert!(
        mixed.code == 1 && mixed.err.contains("source `aws` holds spend, not invoice"),
        "{}",
        mixed.err
    );
}

#[test]
fn contract_commitments_are_listed_and_in_no_total() {
    let home = Home::new();
    let header = "ContractCommitmentId,ContractCommitmentCost,BillingCurrency,\
                  ContractCommitmentPeriodStart,ContractCommitmentPeriodEnd,ServiceProviderName\n";
    let row = |cost: &str| format!("{header}C-1,{cost},EUR,2025-12-01,2028-12-01,Example Cloud\n");
    for (name, cost) in [("a.csv", "900000.00"), ("b.csv", "925000.00")] {
        let file = home.file(name, &row(cost));
        home.run(&["import", file.to_str().unwrap()]).ok();
    }
    let listed = home.run(&["commitments", "--json"]).ok().json();
    assert_eq!(listed["commitments"].as_array().unwrap().len(), 1);
    assert_eq!(listed["commitments"][0]["cost"], "925000");
    assert!(home.run(&["commitments"]).ok().out.contains("Example Cloud"));
    home.run(&["ledger", "verify"]).ok();
}
