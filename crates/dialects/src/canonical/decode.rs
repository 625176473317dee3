//! Decoding: each item of a body to a signal, or to the reason why it is put aside.
use sessionary_core::{json::Scanner, signal::Signal};

use super::{
    careful,
    framing::{BodyError, split, text_of},
    quick,
};
use crate::Context;

/// An item that is put aside, whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ItemError {
    /// Stable word for machines.
    pub code: &'static str,
    /// Sentence for the sender.
    pub detail: String,
    /// Dotted path of the member at fault.
    pub field: Option<String>,
    /// The item's own bytes.
    pub raw: Vec<u8>,
    /// The item's id, where it has one.
    pub id: Option<String>,
}

type Item = Result<Signal, ItemError>;

/// Decodes a body; one result for each item, in their order.
///
/// # Errors
/// A body of which nothing can be kept.
pub fn decode(body: &[u8], context: &Context<'_>) -> Result<Vec<Item>, BodyError> {
    let text = text_of(body)?;
    if let Some(items) = in_one_pass(text, context) {
        return Ok(items);
    }
    let items = split(text, &context.limits)?;
    Ok(items.into_iter().map(|text| alone(text, context)).collect())
}

/// The items of a body that is JSON throughout and within the limits; `None`: look at it again.
fn in_one_pass(text: &str, context: &Context<'_>) -> Option<Vec<Item>> {
    let mut scanner = Scanner::new(text, quick::bounds(&context.limits));
    let items = match scanner.peek()? {
        b'[' => list(&mut scanner, context)?,
        b'{' => sequence(&mut scanner, context)?,
        _ => return None,
    };
    scanner.peek().is_none().then_some(items)
}

fn list(scanner: &mut Scanner<'_>, context: &Context<'_>) -> Option<Vec<Item>> {
    let mut items = Vec::with_capacity(expected(scanner, context));
    scanner.take(b'[');
    scanner.space();
    if scanner.take(b']') {
        return Some(items);
    }
    while items.len() < context.limits.items {
        items.push(next(scanner, context)?);
        scanner.space();
        if scanner.take(b']') {
            return Some(items);
        }
        if !scanner.take(b',') {
            return None;
        }
        scanner.space();
    }
    None
}

/// Objects, each on lines of its own.
fn sequence(scanner: &mut Scanner<'_>, context: &Context<'_>) -> Option<Vec<Item>> {
    let mut items = Vec::with_capacity(expected(scanner, context));
    while items.len() < context.limits.items {
        items.push(next(scanner, context)?);
        let end = scanner.at();
        scanner.space();
        match scanner.peek() {
            None => return Some(items),
            Some(b'{') if scanner.since(end).contains('\n') => {}
            Some(_) => return None,
        }
    }
    None
}

/// A short signal has this many bytes.
const SHORT_ITEM_BYTES: usize = 200;

/// How many items a body may have, by its length.
fn expected(scanner: &Scanner<'_>, context: &Context<'_>) -> usize {
    (scanner.left() / SHORT_ITEM_BYTES + 1).min(context.limits.items)
}

/// The item that comes next; `None`: it is no JSON, or too much to look at in passing.
fn next(scanner: &mut Scanner<'_>, context: &Context<'_>) -> Option<Item> {
    let start = scanner.at();
    if let Some(signal) = quick::read(scanner, context) {
        return Some(Ok(signal));
    }
    scanner.set_back(start);
    let text = scanner.value()?.get();
    Some(careful::read(text, context))
}

/// An item that was cut out of its body.
fn alone(text: &str, context: &Context<'_>) -> Item {
    let mut scanner = Scanner::new(text, quick::bounds(&context.limits));
    match quick::read(&mut scanner, context) {
        Some(signal) if scanner.peek().is_none() => Ok(signal),
        _ => careful::read(text, context),
    }
}
