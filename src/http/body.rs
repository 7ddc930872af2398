//! The body of an answer, which may hold a secret.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use secrecy::zeroize::Zeroize as _;
use tokio::time::{Instant, timeout_at};

use super::carrier::Fault;
use super::memory::{Memory, PLAIN, Place};
use super::transport::MAX_BODY;

/// A body that takes a wide place is whole by then: a few of them serve all accounts.
const WIDE_TIME: Duration = Duration::from_secs(5);

/// A whole body. Its bytes are overwritten and its memory is given back when it is dropped. Its debug form does not show it.
#[derive(Default)]
pub struct Body {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Why there is no whole body.
pub(super) enum BodyError {
    /// It is longer than the answer may be.
    TooLarge,
    /// The connection ended.
    Cut(Fault),
    /// It is long and comes too slowly.
    Slow,
}

impl Body {
    /// Reads a body of at most `most` bytes, which is at most [`MAX_BODY`]. Waits for memory; the caller bounds the wait.
    pub(super) async fn read(
        incoming: impl hyper::body::Body<Data = Bytes, Error = Fault>,
        most: usize,
        memory: &Memory,
        tenant: &str,
    ) -> Result<Self, BodyError> {
        let announced = incoming.size_hint().lower();
        if announced > most as u64 {
            return Err(BodyError::TooLarge);
        }
        let mut body = Self { bytes: Vec::new(), places: vec![memory.answers.plain().await] };
        let mut whole_by = None;
        if announced > PLAIN as u64 {
            whole_by = Some(body.widen(memory, tenant).await);
        }
        let mut incoming = std::pin::pin!(incoming);
        loop {
            let frame = match whole_by {
                None => incoming.frame().await,
                Some(end) => timeout_at(end, incoming.frame()).await.map_err(|_| BodyError::Slow)?,
            };
            let Some(frame) = frame else { break };
            let Ok(chunk) = frame.map_err(BodyError::Cut)?.into_data() else { continue };
            let length = body.bytes.len() + chunk.len();
            if length > most {
                return Err(BodyError::TooLarge);
            }
            if length > PLAIN && whole_by.is_none() {
                whole_by = Some(body.widen(memory, tenant).await);
            }
            body.grow(length.max(usize::try_from(announced).unwrap_or(0)));
            body.bytes.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn widen(&mut self, memory: &Memory, tenant: &str) -> Instant {
        self.places.push(memory.answers.wide(tenant).await);
        Instant::now() + WIDE_TIME
    }

    /// Makes room, and leaves no copy behind where the bytes were.
    fn grow(&mut self, length: usize) {
        if length > self.bytes.capacity() {
            let room = length.max(self.bytes.capacity() * 2).min(MAX_BODY);
            let mut larger = Vec::with_capacity(room);
            larger.extend_from_slice(&self.bytes);
            std::mem::swap(&mut self.bytes, &mut larger);
            larger.as_mut_slice().zeroize();
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Not what was reserved and never written, which has no memory yet.
        self.bytes.as_mut_slice().zeroize();
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}
