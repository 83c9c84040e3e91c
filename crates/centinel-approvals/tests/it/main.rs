//! Proposals from request to decision, on every database.
//!
//! Each scenario is a function of a [`World`]; it runs on SQLite in memory, on a SQLite file, and,
//! where `CENTINEL_TEST_POSTGRES` holds an address, in a schema of its own on that server.

#![cfg(test)]

mod access;
mod audit;
mod bypass;
mod clicks;
mod confirm;
mod edits;
mod execution;
mod fake_slack;
mod grants;
mod journeys;
mod links;
mod offers;
mod oidc;
mod sessions;
mod slack;
mod slack_socket;
mod world;

use world::World;

/// One test module a scenario, one test a database in it; `shared` ones need a database that a
/// second connection reaches.
macro_rules! on_databases {
    ($($module:ident::$scenario:ident),* $(,)? ; shared: $($shared:ident::$intrusion:ident),* $(,)?) => {
        $(mod $scenario {
            use super::{World, $module};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_memory() {
                $module::$scenario(World::in_memory().await).await;
            }

            on_databases!(@both $module::$scenario);
        })*
        $(mod $intrusion {
            use super::{World, $shared};

            on_databases!(@both $shared::$intrusion);
        })*
    };
    (@both $module:ident::$scenario:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn sqlite_file() {
            $module::$scenario(World::in_file().await).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres() {
            if let Some(world) = World::on_server(stringify!($scenario)).await {
                $module::$scenario(world).await;
            }
        }
    };
}

on_databases!(
    journeys::propose_show_approve_verify,
    journeys::one_person_suffices_only_below_the_limit,
    journeys::agents_propose_and_withdraw_their_own_only,
    journeys::new_versions_void_old_votes,
    journeys::lost_roles_and_edited_policies_void_votes,
    journeys::execution_is_claimed_once,
    journeys::time_runs_out,
    journeys::numbers_have_no_gaps,
    journeys::admins_manage_people,
    clicks::hundred_clicks_of_one_person_are_one_decision,
    clicks::hundred_clicks_of_four_people_are_one_approval,
    clicks::two_people_at_once_are_two_votes,
    clicks::approval_and_rejection_race_to_one_end,
    clicks::hundred_executions_begin_once,
    clicks::parallel_guesses_lock_the_account,
    clicks::parallel_proposals_of_one_change_are_one,
    bypass::guesses_are_counted_and_audited,
    audit::heads_and_export_agree,
    execution::a_crash_anywhere_leaves_one_effect,
    execution::many_processes_have_one_effect,
    execution::failures_are_told_apart,
    access::policies_are_asked_at_every_step,
    access::edited_access_policies_void_votes,
    access::proposals_are_seen_by_policy,
    access::tokens_end,
    confirm::a_word_counts_under_an_approval,
    confirm::many_words_are_one_effect,
    confirm::a_word_changes_no_other_rule,
    offers::offers_are_what_the_machine_does,
    offers::what_is_not_seen_is_not_there_to_decide,
    offers::forged_forms_leave_a_trace,
    sessions::second_factors_count_once,
    sessions::policies_can_demand_a_second_factor,
    sessions::sessions_decide_as_their_person,
    sessions::sessions_end,
    sessions::irreversible_changes_need_a_fresh_proof,
    links::a_code_links_once_and_votes_count,
    links::codes_end,
    links::an_account_has_one_person,
    links::links_decide_no_more_than_they_may,
    links::links_end_with_the_account,
    links::sessions_link_while_fresh,
    links::what_changes_no_link_spends_its_code,
    slack::a_proposal_is_one_message,
    slack::no_takes_a_reason,
    slack::clicks_that_decide_nothing,
    slack::some_decisions_are_not_for_a_chat,
    slack::a_message_is_posted_once,
    slack::people_are_called_when_it_matters,
    slack::teams_gets_a_card_with_a_link,
    slack::signed_nonsense_is_refused,
    slack_socket::sockets_end_and_votes_count_once,
    oidc::people_sign_in_with_the_company,
    oidc::fresh_proofs_come_from_the_provider,
    oidc::forged_tokens_let_nobody_in,
    oidc::a_round_belongs_to_one_browser_and_counts_once,
    oidc::keys_rotate_within_limits,
    oidc::providers_must_be_who_they_say,
    oidc::sign_ins_follow_the_log,
    oidc::accounts_and_roles_follow_the_configuration,
    audit::keys_follow_each_other,
    audit::projections_are_folds;
    shared:
    execution::nothing_is_carried_out_without_an_approval,
    confirm::a_forged_word_counts_for_nothing,
    access::forged_rows_prove_nothing,
    links::forged_links_count_for_nothing,
    oidc::forged_rounds_lead_nowhere,
    bypass::edited_rows_decide_nothing,
    bypass::forged_entries_decide_nothing,
    audit::edited_projections_are_named_and_rebuilt,
    audit::a_rewritten_log_is_not_signed_again,
    bypass::tokens_never_hold_a_role,
    bypass::the_log_refuses_edits,
    audit::every_tampering_is_found,
);
