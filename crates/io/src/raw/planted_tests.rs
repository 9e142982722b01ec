//! Every planted bug of raw operations is found by the test that is there for it: the tests are run again, in a process
//! of their own, with one bug each.

use crate::planted::RawBug;
use std::process::{Command, Stdio};

const FOUND_BY: [(RawBug, &str); 8] = [
    (RawBug::BufferReusedInFlight, "a_lease_in_flight_is_neither_lent_again_nor_released"),
    (RawBug::LeaseReleasedInFlight, "a_lease_in_flight_is_neither_lent_again_nor_released"),
    (RawBug::StaleLeaseAccepted, "a_lease_in_flight_is_neither_lent_again_nor_released"),
    (RawBug::StaleFileAccepted, "the_number_of_a_closed_file_never_means_another_one"),
    (RawBug::DescriptorClosedInFlight, "a_file_closed_in_flight_is_refused_at_once_and_closed_when_idle"),
    (RawBug::ShortStepGoesOn, "a_chain_ends_with_a_step_that_is_short"),
    (RawBug::CancelLosesCompletion, "whatever_waits_can_be_cancelled_and_the_rest_goes_on"),
    (RawBug::TeardownWithoutWaiting, "dropping_it_ends_what_is_in_flight"),
];

/// Whether the test passes with `bug` planted; None: with none.
fn passes(test: &str, bug: Option<RawBug>) -> bool {
    let mut run = Command::new(std::env::current_exe().unwrap());
    run.args(["--exact", &format!("raw::tests::{test}")]).stdout(Stdio::piped()).stderr(Stdio::null());
    run.env_remove("MILLRACE_RAW_BUG");
    if let Some(bug) = bug {
        run.env("MILLRACE_RAW_BUG", format!("{bug:?}"));
    }
    let output = run.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("running 1 test"), "there is no test {test}: {printed}");
    output.status.success()
}

#[test]
fn every_planted_bug_is_found_by_its_test() {
    for (bug, test) in FOUND_BY {
        assert!(passes(test, None), "{test} fails without a bug");
        assert!(!passes(test, Some(bug)), "{test} passes with {bug:?}");
        println!("{bug:?} is found by {test}");
    }
}
