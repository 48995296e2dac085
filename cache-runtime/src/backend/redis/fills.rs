//! Fills: those that are sent together are one script over their keys, where the server allows that.

use redis::{Pipeline, RedisError, RedisResult, Value};

use super::RedisCache;
use super::failure::{is_wrong_type, kind_of};
use super::link::Patience;
use super::pipeline::{CHUNK, call, call_many};
use super::scripts;
use super::steps::argument;
use crate::error::{ErrorKind, Result};
use crate::port::Fill;

/// Fills in one script, and their bytes: the server does nothing else meanwhile.
pub(super) const MOST_FILLS: usize = 128;
pub(super) const MOST_BYTES: usize = 256 * 1024;

/// How many fills each script of a pipeline was given, and in which session that was.
pub(super) struct Portions {
    sizes: Vec<usize>,
    session: u64,
}

impl RedisCache {
    /// Fills each of these keys, whatever becomes of the others.
    pub(super) async fn fill_several(&self, fills: &[Fill]) -> Result<Vec<bool>> {
        let mut stand = Vec::with_capacity(fills.len());
        for chunk in fills.chunks(CHUNK) {
            self.admitted()?;
            let mut pipeline = Pipeline::new();
            let portions = self.put_fills(&mut pipeline, chunk);
            let answers = self.pipeline(Patience::Reader, pipeline, &[]).await?;
            stand.extend(self.filled(&portions, &mut answers.into_iter()));
        }
        let unsaid = |(fill, stands): (_, &Option<bool>)| stands.is_none().then_some(fill);
        let left: Vec<&Fill> = fills.iter().zip(&stand).filter_map(unsaid).collect();
        let mut alone = match left.is_empty() {
            true => Vec::new(),
            false => self.fill_each(&left).await?,
        }
        .into_iter();
        let said = |stands: Option<bool>| stands.or_else(|| alone.next()).unwrap_or(false);
        Ok(stand.into_iter().map(said).collect())
    }

    /// Puts fills into a pipeline.
    pub(super) fn put_fills(&self, pipeline: &mut Pipeline, fills: &[Fill]) -> Portions {
        let session = self.link.session();
        let most = if self.link.is_refused_many(session) { 1 } else { MOST_FILLS };
        let (mut sizes, mut rest) = (Vec::new(), fills);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |fill: &&Fill| {
                bytes += fill.entry.len();
                bytes <= MOST_BYTES
            };
            let size = rest.iter().take(most).take_while(fits).count().max(1);
            let (portion, others) = rest.split_at(size);
            put_portion(pipeline, portion);
            sizes.push(size);
            rest = others;
        }
        Portions { sizes, session }
    }

    /// What became of each of these fills. There is nothing where the server has refused to run them together, or where
    /// one has failed: whoever asks for it alone is told why.
    pub(super) fn filled(
        &self,
        Portions { sizes, session }: &Portions,
        answers: &mut impl Iterator<Item = RedisResult<Value>>,
    ) -> Vec<Option<bool>> {
        let mut stand = Vec::new();
        for (size, answer) in sizes.iter().zip(answers) {
            if *size > 1 && answer.as_ref().is_err_and(refuses_many) {
                self.link.refuses_many(*session);
            }
            let portion = match size {
                1 => one(answer).map(|stands| vec![Some(stands)]),
                _ => many(answer, *size),
            };
            match portion {
                Some(portion) => stand.extend(portion),
                None => stand.resize(stand.len() + size, None),
            }
        }
        self.link.tally().set(stand.iter().filter(|stands| **stands == Some(true)).count());
        stand
    }
}

fn put_portion(pipeline: &mut Pipeline, fills: &[Fill]) {
    if let [fill] = fills {
        put_fill(pipeline, fill);
        return;
    }
    let arguments = fills
        .iter()
        .map(|fill| (fill.key.as_str(), fill.token.lease(), &fill.entry, argument(fill.ttl)));
    call_many(pipeline, &scripts::FILL_MANY, fills.len(), arguments);
}

/// Puts one fill into a pipeline.
pub(super) fn put_fill(pipeline: &mut Pipeline, fill: &Fill) {
    let ttl = argument(fill.ttl);
    let arguments = [&fill.token.lease()[..], &fill.entry[..], ttl.as_bytes()];
    call(pipeline, &scripts::FILL, fill.key.as_str(), &arguments);
}

/// Whether a script over several keys is refused because they are several: one of them is denied, or they stand in
/// several slots. It will be again.
pub(super) fn refuses_many(error: &RedisError) -> bool {
    error.code() == Some("CROSSSLOT") || kind_of(error) == ErrorKind::Denied
}

fn one(answer: RedisResult<Value>) -> Option<bool> {
    match answer {
        // Another data type is no reader's lease.
        Err(error) if is_wrong_type(&error) => Some(false),
        answer => redis::from_redis_value(answer.ok()?).ok(),
    }
}

fn many(answer: RedisResult<Value>, size: usize) -> Option<Vec<Option<bool>>> {
    let codes: Vec<i64> = redis::from_redis_value(answer.ok()?).ok()?;
    let stands = |code| match code {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    (codes.len() == size).then(|| codes.into_iter().map(stands).collect())
}
