//! Lists, structures and variants: their elements, up to `END`.

use serde::ser::{self, Serialize};
use sha2::Sha256;

use super::{Encoder, Sink, tag};
use crate::depth::Depth;
use crate::key::KeyError;

/// Elements up to `END`.
#[derive(Debug)]
pub struct Elements<'a, S = Sha256> {
    encoder: &'a mut Encoder<S>,
    inside: Depth,
}

impl<'a, S: Sink> Elements<'a, S> {
    pub(super) fn of(encoder: &'a mut Encoder<S>) -> Result<Self, KeyError> {
        let inside = encoder.depth.in_container().ok_or_else(KeyError::too_deep)?;
        Ok(Self { encoder, inside })
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        self.encoder.inside(Some(self.inside), value)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), KeyError> {
        // The tag keeps a field apart from `END`.
        self.encoder.named(tag::STR, name);
        self.element(value)
    }

    fn finish(self) {
        self.encoder.raw(&[tag::END]);
    }
}

macro_rules! elements {
    ($($trait:ident :: $method:ident),* $(,)?) => {$(
        impl<S: Sink> ser::$trait for Elements<'_, S> {
            type Ok = ();
            type Error = KeyError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
                self.element(value)
            }

            fn end(self) -> Result<(), KeyError> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! fields {
    ($($trait:ident),* $(,)?) => {$(
        impl<S: Sink> ser::$trait for Elements<'_, S> {
            type Ok = ();
            type Error = KeyError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), KeyError> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), KeyError> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);
