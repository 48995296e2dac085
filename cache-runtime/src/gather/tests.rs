#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails the test")]

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::*;

/// Longer than any test takes that does not wait for it.
const PATIENCE: Duration = Duration::from_secs(600);

/// Tells which questions go together, and answers them when it is let.
struct Answers {
    gather: Gather<(u32, oneshot::Sender<u32>)>,
    sent: mpsc::UnboundedSender<Vec<u32>>,
    leave: Semaphore,
    patience: Duration,
}

impl Together for Answers {
    type Asked = (u32, oneshot::Sender<u32>);

    fn gather(&self) -> &Gather<Self::Asked> {
        &self.gather
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn is_awaited((_, answer): &Self::Asked) -> bool {
        !answer.is_closed()
    }

    fn next(queue: &mut VecDeque<Self::Asked>) -> Vec<Self::Asked> {
        let most = queue.len().min(3);
        queue.drain(..most).collect()
    }

    async fn ask(self: Arc<Self>, asked: Vec<Self::Asked>) {
        self.sent.send(asked.iter().map(|(question, _)| *question).collect()).unwrap();
        self.leave.acquire().await.unwrap().forget();
        for (question, answer) in asked {
            answer.send(question * 2).unwrap();
        }
    }
}

fn answers() -> (Arc<Answers>, mpsc::UnboundedReceiver<Vec<u32>>) {
    answers_with(PATIENCE)
}

fn answers_with(patience: Duration) -> (Arc<Answers>, mpsc::UnboundedReceiver<Vec<u32>>) {
    let (sent, heard) = mpsc::unbounded_channel();
    let gather = Gather::new(2);
    (Arc::new(Answers { gather, sent, leave: Semaphore::new(0), patience }), heard)
}

fn asked(question: u32) -> ((u32, oneshot::Sender<u32>), oneshot::Receiver<u32>) {
    let (answer, answered) = oneshot::channel();
    ((question, answer), answered)
}

/// Without looking whom to take along.
fn enter(answers: &Arc<Answers>, question: u32) -> Result<Place<Answers>, oneshot::Receiver<u32>> {
    Place::or_wait(answers, question, asked).map(|(place, ..)| place)
}

#[tokio::test]
async fn two_go_at_once_and_all_who_come_later_go_together() {
    let (answers, mut heard) = answers();
    let (first, _second) = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    let waiting: Vec<_> =
        (3..=6).map(|question| enter(&answers, question).err().unwrap()).collect();
    assert!(heard.try_recv().is_err(), "nobody has given up a place");
    drop(first);
    assert_eq!(heard.recv().await.unwrap(), [3, 4, 5], "no more than go into one");
    let late = enter(&answers, 7).err().unwrap();
    answers.leave.add_permits(2);
    assert_eq!(heard.recv().await.unwrap(), [6, 7]);
    let mut answered = Vec::new();
    for waits in waiting.into_iter().chain([late]) {
        answered.push(waits.await.unwrap());
    }
    assert_eq!(answered, [6, 8, 10, 12, 14]);
    assert!(enter(&answers, 8).is_ok(), "a place that nobody waits for is free");
}

#[tokio::test]
async fn who_is_not_answered_because_the_task_died_hears_of_it() {
    let (answers, mut heard) = answers();
    let (first, second) = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    let waits = enter(&answers, 3).err().unwrap();
    // A runtime that ends with those whom it was to send.
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    dying.spawn(async move { drop(first) });
    assert_eq!(heard.recv().await.unwrap(), [3]);
    // More than could be dropped one within the other.
    let crowd: Vec<_> =
        (0..100_000).map(|question| enter(&answers, question).err().unwrap()).collect();
    dying.shutdown_background();
    assert!(waits.await.is_err());
    for waits in crowd {
        assert!(waits.await.is_err());
    }
    drop(second);
    for question in [4, 5] {
        // Both places are free again, once the runtime has dropped what it had.
        let place = loop {
            match enter(&answers, question) {
                Ok(place) => break place,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        std::mem::forget(place);
    }
}

#[test]
fn outside_a_runtime_nobody_waits_for_ever() {
    let (answers, _heard) = answers();
    let (first, second) = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    let mut waits = enter(&answers, 3).err().unwrap();
    drop(first);
    assert!(waits.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    drop(second);
    assert!(enter(&answers, 4).is_ok());
}

#[tokio::test]
async fn those_who_were_woken_together_go_together() {
    let (answers, mut heard) = answers();
    answers.gather.lock().crowd = CROWD;
    answers.leave.add_permits(2);
    let callers: Vec<_> = (1..=4)
        .map(|question| {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                match Place::enter(&answers, question, asked).await {
                    Ok(_) => 0,
                    Err(answered) => answered.await.unwrap(),
                }
            })
        })
        .collect();
    assert_eq!(heard.recv().await.unwrap(), [1, 2, 3], "also where there was another place");
    assert_eq!(heard.recv().await.unwrap(), [4]);
    for (question, caller) in (1..=4).zip(callers) {
        assert_eq!(caller.await.unwrap(), question * 2);
    }
}

#[tokio::test]
async fn who_goes_away_before_it_asks_leaves_its_place_to_the_others() {
    let (answers, mut heard) = answers();
    answers.leave.add_permits(1);
    let _other = enter(&answers, 1).ok().unwrap();
    answers.gather.lock().crowd = CROWD;
    let mut going = Box::pin(Place::enter(&answers, 2, asked));
    std::future::poll_fn(|context| {
        assert!(going.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    let waits = enter(&answers, 3).err().unwrap();
    drop(going);
    assert_eq!(heard.recv().await.unwrap(), [3]);
    assert_eq!(waits.await.unwrap(), 6);
}

#[tokio::test]
async fn who_looks_round_and_goes_away_leaves_nobody_waiting_for_it() {
    let (answers, _heard) = answers();
    answers.gather.lock().crowd = CROWD;
    let mut going = Box::pin(Place::enter(&answers, 1, asked));
    std::future::poll_fn(|context| {
        assert!(going.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(going);
    assert!(enter(&answers, 2).is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_place_for_longer_than_two_pauses() {
    let (answers, _heard) = answers();
    for _ in 0..2 {
        // Whoever has them does not go on.
        let _places = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
        let began = tokio::time::Instant::now();
        let first = enter(&answers, 3).err().unwrap();
        tokio::time::sleep(PATIENCE * 3 / 2).await;
        let mut second = enter(&answers, 4).err().unwrap();
        assert!(first.await.is_err(), "it is let go");
        let waited = began.elapsed();
        assert!(waited >= PATIENCE && waited <= 2 * PATIENCE, "{waited:?}");
        assert!(second.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        let began = tokio::time::Instant::now();
        assert!(second.await.is_err());
        assert!(began.elapsed() <= 2 * PATIENCE);
        // Until nobody is there to be looked after, and the one who did has gone.
        tokio::time::sleep(2 * PATIENCE).await;
        answers.gather.lock().crowd = 0;
    }
}

/// Each of those who come would wait as long as the first.
#[tokio::test(start_paused = true)]
async fn nobody_waits_any_more_for_places_that_somebody_has_waited_for_in_vain() {
    let (answers, _heard) = answers();
    let (first, second) = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    assert!(enter(&answers, 3).err().unwrap().await.is_err(), "it is let go");
    // Nobody takes others along.
    answers.gather.lock().crowd = 0;
    for question in 4..8 {
        drop(enter(&answers, question).ok().unwrap());
    }
    // Until one of them is given up.
    drop(first);
    let third = enter(&answers, 8).ok().unwrap();
    drop(enter(&answers, 9).err().unwrap());
    drop((second, third));
}

/// A runtime of one thread does nothing while nobody waits for something in it.
#[tokio::test]
async fn who_looks_after_those_who_wait_may_be_driven_by_nobody() {
    let patience = Duration::from_millis(5);
    let (answers, _heard) = answers_with(patience);
    let _places = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    let undriven = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let entered = undriven.enter();
    let _waits = enter(&answers, 3).err().unwrap();
    drop(entered);
    let let_go = async {
        while let Err(waits) = enter(&answers, 4)
            && tokio::time::timeout(4 * patience, waits).await.is_err()
        {}
    };
    tokio::time::timeout(Duration::from_secs(60), let_go).await.unwrap();
    undriven.shutdown_background();
}

#[tokio::test]
async fn who_looks_after_those_who_wait_may_die() {
    let (answers, _heard) = answers();
    let _places = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let waits = {
        let answers = Arc::clone(&answers);
        dying.spawn(async move { Some(enter(&answers, 3).err().unwrap()) }).await.unwrap().unwrap()
    };
    dying.shutdown_background();
    assert!(waits.await.is_err(), "nobody is left who would let it go");
    let watched = || answers.gather.lock().watched.is_some();
    assert!(!watched());
    let _waits = enter(&answers, 4).err().unwrap();
    assert!(watched());
}

/// A turn of the scheduler is for those who have company.
#[tokio::test]
async fn who_is_alone_goes_straight_away_and_so_does_everyone_once_a_crowd_is_over() {
    let (answers, _heard) = answers();
    let straight = || async {
        let mut entering = Box::pin(Place::enter(&answers, 1, asked));
        std::future::poll_fn(|context| std::task::Poll::Ready(entering.as_mut().poll(context)))
            .await
            .is_ready()
    };
    assert!(straight().await);
    let places = (enter(&answers, 1).ok().unwrap(), enter(&answers, 2).ok().unwrap());
    drop(enter(&answers, 3).err().unwrap());
    drop(places);
    for _ in 0..CROWD - 2 {
        assert!(!straight().await);
    }
    assert!(straight().await);
}
