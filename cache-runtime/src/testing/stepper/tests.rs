use super::*;
use crate::key::Namespace;

fn key(name: &str) -> Key {
    let namespace = Namespace::new("stepper").expect("a name");
    namespace.key().text(name).finish().expect("a key")
}

fn walk(stepper: &Stepper, step: Step, key: &Key) -> tokio::task::JoinHandle<()> {
    let (stepper, key) = (stepper.clone(), key.clone());
    tokio::spawn(async move { stepper.before(step, &key).await })
}

#[tokio::test]
async fn who_is_not_parked_passes() {
    let (stepper, k) = (Stepper::new(), key("k"));
    let _other_step = stepper.park(Step::Fill, &k);
    let _other_key = stepper.park(Step::Read, &key("other"));
    stepper.before(Step::Read, &k).await;
    stepper.before(Step::Lease, &k).await;
    assert_eq!(stepper.seen(), [(Step::Read, k.clone()), (Step::Lease, k)]);
}

#[tokio::test]
async fn only_the_first_arrival_is_parked() {
    let (stepper, k) = (Stepper::new(), key("k"));
    let gate = stepper.park(Step::Fill, &k);
    let first = walk(&stepper, Step::Fill, &k);
    gate.arrived().await;
    gate.arrived().await;
    stepper.before(Step::Fill, &k).await;
    assert!(!first.is_finished(), "the first stays parked while the second passes");
    gate.open();
    first.await.expect("the first goes on");
    assert_eq!(stepper.seen().len(), 2, "who is parked is seen too");
}

#[tokio::test]
async fn parks_for_one_step_and_key_queue_up() {
    let (stepper, k) = (Stepper::new(), key("k"));
    let (one, two) = (stepper.park(Step::Hold, &k), stepper.park(Step::Hold, &k));
    let first = walk(&stepper, Step::Hold, &k);
    one.arrived().await;
    let second = walk(&stepper, Step::Hold, &k);
    two.arrived().await;
    two.open();
    second.await.expect("the second goes on");
    assert!(!first.is_finished(), "the second gate lets only the second go");
    one.open();
    first.await.expect("the first goes on");
}

#[tokio::test]
async fn dropping_a_gate_opens_it() {
    let (stepper, k) = (Stepper::new(), key("k"));
    let gate = stepper.park(Step::Load, &k);
    let reader = walk(&stepper, Step::Load, &k);
    gate.arrived().await;
    drop(gate);
    reader.await.expect("the reader goes on");
}

#[tokio::test]
async fn a_gate_opened_before_anybody_arrived_parks_nobody() {
    let (stepper, k) = (Stepper::new(), key("k"));
    stepper.park(Step::Load, &k).open();
    let gate = stepper.park(Step::Load, &k);
    let reader = walk(&stepper, Step::Load, &k);
    gate.arrived().await;
    assert!(!reader.is_finished(), "the arrival went to the gate that is still shut");
    gate.open();
    reader.await.expect("the reader goes on");
}

#[tokio::test]
async fn an_arrival_is_remembered_when_its_caller_goes_away() {
    let (stepper, k) = (Stepper::new(), key("k"));
    let gate = stepper.park(Step::Commit, &k);
    let writer = walk(&stepper, Step::Commit, &k);
    gate.arrived().await;
    writer.abort();
    assert!(writer.await.is_err_and(|error| error.is_cancelled()), "it was parked");
    gate.arrived().await;
    stepper.before(Step::Commit, &k).await;
}

#[tokio::test]
async fn who_never_arrives_fails_the_test_with_step_key_and_what_was_seen() {
    let stepper = Stepper::new().patience(Duration::from_millis(1));
    let k = key("k");
    let gate = stepper.park(Step::Fill, &k);
    stepper.before(Step::Read, &k).await;
    let failed = tokio::spawn(async move { gate.arrived().await }).await;
    let panic = failed.expect_err("nobody came").into_panic();
    let message = panic.downcast_ref::<String>().expect("a message");
    for part in ["Fill of stepper:k", "stepper/tests.rs", "Read of stepper:k"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}
