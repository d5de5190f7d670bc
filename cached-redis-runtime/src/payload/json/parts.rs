//! What has parts: lists, maps, structures.

use serde::Serialize;
use serde::ser;

use super::{Refused, Writer, text};
use crate::depth::Depth;

/// How `serde_json` names the types of text and of numbers that are JSON already. Each has one field, a text.
const JSON_ALREADY: [&str; 2] = ["$serde_json::private::RawValue", "$serde_json::private::Number"];

pub(super) fn is_json_already(name: &str) -> bool {
    name.starts_with('$') && JSON_ALREADY.contains(&name)
}

pub(super) struct Parts<'a> {
    out: &'a mut Vec<u8>,
    inside: Depth,
    is_empty: bool,
    form: Form,
}

enum Form {
    /// Ends in this.
    Closed(&'static [u8]),
    /// The text of the one field stands for itself.
    JsonAlready,
}

impl<'a> Parts<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, inside: Depth, end: &'static [u8]) -> Self {
        Self { out, inside, is_empty: true, form: Form::Closed(end) }
    }

    pub(super) fn json_already(out: &'a mut Vec<u8>, inside: Depth) -> Self {
        Self { out, inside, is_empty: true, form: Form::JsonAlready }
    }

    fn separate(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }

    /// The name of a field, up to its value.
    pub(super) fn name(&mut self, name: &str) {
        self.separate();
        text(name, self.out);
        self.out.push(b':');
    }

    /// What writes the next value.
    pub(super) fn next(&mut self) -> Writer<'_> {
        Writer { out: self.out, depth: self.inside }
    }

    pub(super) fn close(self) {
        if let Form::Closed(end) = self.form {
            self.out.extend_from_slice(end);
        }
    }

    fn element(&mut self) -> Writer<'_> {
        self.separate();
        self.next()
    }

    /// Keys are texts: a number or a `bool` is put into quotes, all else refused.
    fn end_key(&mut self, start: usize) -> Result<(), Refused> {
        match self.out.get(start) {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                self.out.insert(start, b'"');
                self.out.push(b'"');
            }
            _ => return Err(Refused::Itself),
        }
        self.out.push(b':');
        Ok(())
    }

    /// Whether the name of a field is to be written; if not, where its value begins.
    fn begin_field(&mut self, name: &str) -> usize {
        if let Form::Closed(_) = self.form {
            self.name(name);
        }
        self.out.len()
    }

    fn end_field(&mut self, start: usize) -> Result<(), Refused> {
        if let Form::JsonAlready = self.form {
            let json: String =
                serde_json::from_slice(&self.out[start..]).map_err(|_| Refused::Itself)?;
            self.out.truncate(start);
            self.out.extend_from_slice(json.as_bytes());
        }
        Ok(())
    }
}

/// Lists, by the method that adds to them.
macro_rules! lists {
    ($($trait:ident::$method:ident),* $(,)?) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                value.serialize(self.element())
            }

            fn end(self) -> Result<(), Refused> {
                self.close();
                Ok(())
            }
        }
    )*};
}

/// What has named fields.
macro_rules! structures {
    ($($trait:ident),* $(,)?) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Refused> {
                let start = self.begin_field(name);
                value.serialize(self.next())?;
                self.end_field(start)
            }

            fn end(self) -> Result<(), Refused> {
                self.close();
                Ok(())
            }
        }
    )*};
}

lists! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

structures! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.separate();
        let start = self.out.len();
        key.serialize(self.next())?;
        self.end_key(start)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        value.serialize(self.next())
    }

    fn end(self) -> Result<(), Refused> {
        self.close();
        Ok(())
    }
}
