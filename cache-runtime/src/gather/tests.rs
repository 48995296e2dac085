#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::*;

/// Tells which questions go together, and answers them when it is let.
struct Answers {
    gather: Gather<(u32, oneshot::Sender<u32>)>,
    sent: mpsc::UnboundedSender<Vec<u32>>,
    leave: Semaphore,
}

impl Together for Answers {
    type Asked = (u32, oneshot::Sender<u32>);

    fn gather(&self) -> &Gather<Self::Asked> {
        &self.gather
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
    let (sent, heard) = mpsc::unbounded_channel();
    (Arc::new(Answers { gather: Gather::new(2), sent, leave: Semaphore::new(0) }), heard)
}

fn enter(answers: &Arc<Answers>, question: u32) -> Result<Place<Answers>, oneshot::Receiver<u32>> {
    let asked = |question| {
        let (answer, answered) = oneshot::channel();
        ((question, answer), answered)
    };
    Place::or_wait(answers, question, asked).map(|(place, _)| place)
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
