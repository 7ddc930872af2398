//! Who may be connected to a port: so many at a time, and so many of one address. When all places are taken, a
//! newcomer gets that of a connection which has not asked anything yet, so whoever only holds places cannot keep
//! others out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The connections of one port, each with a handle of the caller's.
#[derive(Debug)]
pub(super) struct Places<H> {
    limit: usize,
    /// How many of `limit` one address may hold.
    of_one_peer: usize,
    /// In the order in which they came.
    taken: Vec<Place<H>>,
}

#[derive(Debug)]
struct Place<H> {
    peer: IpAddr,
    asked: Asked,
    handle: H,
}

/// Whether a whole request has arrived on a connection. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<AtomicBool>);

impl Asked {
    /// A whole request has arrived.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a newcomer finds a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room<H> {
    /// One is free.
    Free,
    /// One is free as soon as this connection is closed, which has lost its place.
    InsteadOf(H),
    /// All are taken by connections whose request is being answered.
    None,
}

impl<H> Places<H> {
    /// `limit` places, of which one address may hold a quarter.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, of_one_peer: (limit / 4).max(1), taken: Vec::new() }
    }

    /// Looks for a place for a newcomer, and takes it from another one if need be.
    pub(super) fn room(&mut self, peer: IpAddr) -> Room<H> {
        let held = self.held();
        let of_peer = held.get(&peer).copied().unwrap_or(0);
        let from = if of_peer >= self.of_one_peer {
            // It competes with nobody but itself.
            Some(peer)
        } else if self.taken.len() >= self.limit {
            self.greediest_idle(&held)
        } else {
            return Room::Free;
        };
        let oldest = |place: &Place<H>| Some(place.peer) == from && !place.asked.get();
        match self.taken.iter().position(oldest) {
            Some(index) => Room::InsteadOf(self.taken.remove(index).handle),
            None => Room::None,
        }
    }

    /// A newcomer takes the place that [`Places::room`] found.
    pub(super) fn take(&mut self, peer: IpAddr, asked: Asked, handle: H) {
        self.taken.push(Place { peer, asked, handle });
    }

    /// The connection that `which` says has ended.
    pub(super) fn leave(&mut self, which: impl Fn(&H) -> bool) {
        self.taken.retain(|place| !which(&place.handle));
    }

    fn held(&self) -> BTreeMap<IpAddr, usize> {
        let mut held = BTreeMap::new();
        for place in &self.taken {
            *held.entry(place.peer).or_default() += 1;
        }
        held
    }

    /// The address with the most places among those that have a connection without a request; of several that of the
    /// oldest connection, which had the most time to ask.
    fn greediest_idle(&self, held: &BTreeMap<IpAddr, usize>) -> Option<IpAddr> {
        // Of equals the last one is taken, so they are looked at from the newest on.
        let idle = self.taken.iter().rev().filter(|place| !place.asked.get());
        idle.map(|place| place.peer).max_by_key(|peer| held.get(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    /// A newcomer that stays, if there is room.
    fn come(places: &mut Places<u32>, from: u8, handle: u32) -> (Room<u32>, Asked) {
        let (room, asked) = (places.room(peer(from)), Asked::default());
        if room != Room::None {
            places.take(peer(from), asked.clone(), handle);
        }
        (room, asked)
    }

    #[test]
    fn one_address_holds_a_quarter_and_then_loses_its_own_oldest() {
        let mut places = Places::new(16);
        for handle in 0..4 {
            assert_eq!(come(&mut places, 1, handle).0, Room::Free);
        }
        assert_eq!(come(&mut places, 1, 4).0, Room::InsteadOf(0));
        assert_eq!(come(&mut places, 2, 5).0, Room::Free);
    }

    #[test]
    fn a_full_port_takes_from_who_holds_most() {
        let mut places = Places::new(8);
        for (handle, from) in [1, 2, 3, 3, 4, 4, 5, 6].into_iter().enumerate() {
            assert_eq!(come(&mut places, from, u32::try_from(handle).unwrap()).0, Room::Free);
        }
        // 3 and 4 hold two each.
        assert_eq!(come(&mut places, 7, 8).0, Room::InsteadOf(2));
    }

    #[test]
    fn of_many_with_one_place_each_the_oldest_loses_it() {
        let mut places = Places::new(8);
        for number in 0..8 {
            assert_eq!(come(&mut places, number, number.into()).0, Room::Free);
        }
        assert_eq!(come(&mut places, 100, 100).0, Room::InsteadOf(0));
        assert_eq!(come(&mut places, 101, 101).0, Room::InsteadOf(1));
    }

    #[test]
    fn a_request_that_is_being_answered_keeps_its_place() {
        let mut places = Places::new(4);
        let (_, first) = come(&mut places, 1, 0);
        first.set();
        // One place an address.
        assert_eq!(come(&mut places, 1, 1).0, Room::None);
        for from in 2..=4 {
            come(&mut places, from, from.into()).1.set();
        }
        assert_eq!(come(&mut places, 5, 9).0, Room::None);
        places.leave(|handle| *handle == 2);
        assert_eq!(come(&mut places, 5, 9).0, Room::Free);
        assert_eq!(come(&mut places, 6, 10).0, Room::InsteadOf(9));
    }
}
