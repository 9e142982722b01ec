//! The connections by index, with generations that tell an old name from a new one.
//!
//! The one invariant: a name is looked up with its generation, always; a place that is used again has another one.

use crate::connection::Connection;
use crate::id::{ConnectionId, Key};

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    connection: Option<Box<Connection>>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Makes room for a connection that `make` builds around its name.
    pub(crate) fn add(&mut self, make: impl FnOnce(ConnectionId) -> Connection) -> ConnectionId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[index as usize];
        place.generation = place.generation.wrapping_add(1);
        let id = ConnectionId(Key { index, generation: place.generation });
        place.connection = Some(Box::new(make(id)));
        id
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let place = self.places.get(id.0.index as usize)?;
        place.connection.as_deref().filter(|_| place.generation == id.0.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let place = self.places.get_mut(id.0.index as usize)?;
        let generation = place.generation;
        place.connection.as_deref_mut().filter(|_| generation == id.0.generation)
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        self.get(id)?;
        self.free.push(id.0.index);
        self.places[id.0.index as usize].connection.take()
    }

    /// All connections.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.places.iter().filter_map(|place| place.connection.as_deref())
    }

    /// Names of all connections.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        self.iter().map(|connection| connection.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Framing;

    fn connection(id: ConnectionId) -> Connection {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        Connection::new(id, socket.into(), Framing::Raw, 1)
    }

    #[test]
    fn a_place_that_is_used_again_has_another_name() {
        let mut table = Table::default();
        let first = table.add(connection);
        assert!(table.remove(first).is_some());
        let second = table.add(connection);
        assert_eq!(first.0.index, second.0.index);
        assert!(table.get(first).is_none() && table.get_mut(first).is_none());
        assert!(table.remove(first).is_none());
        assert_eq!(table.get(second).unwrap().id, second);
        assert_eq!((table.len(), table.ids()), (1, vec![second]));
    }
}
