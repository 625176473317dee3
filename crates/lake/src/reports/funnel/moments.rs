//! When a session did what a step asks for, as far as its row can tell.
use arrow::array::RecordBatch;
use sessionary_core::disposition::code;

use super::step::{Step, StepKind};
use crate::{
    LakeError,
    reports::columns::{
        Flags, Numbers, Objects, Texts, flags_of, lists_of, numbers_of, objects_of, texts_of,
    },
};

/// Columns that they are read from.
pub(super) const COLUMNS: [&str; 10] = [
    "identities",
    "started_at",
    "ended_at",
    "channel",
    "engaged",
    "search_terms",
    "disposition_code",
    "disposition_class",
    "achieved",
    "orders",
];

/// Places of stages, as [`StepKind::Stage`] counts them.
mod stage {
    pub(super) const ENGAGED: u8 = 1;
    pub(super) const SEARCHED: u8 = 2;
    pub(super) const CATEGORY: u8 = 3;
    pub(super) const PRODUCT: u8 = 4;
    pub(super) const CART: u8 = 5;
    pub(super) const CHECKOUT: u8 = 6;
    /// An order comes behind all stages, and an outcome behind that.
    pub(super) const ORDER: u8 = 7;
    pub(super) const OUTCOME: u8 = 8;
}

/// Whether a step's moment is not known by a row.
pub(super) fn is_nominal(step: &Step) -> bool {
    matches!(step.kind, StepKind::Stage(_))
}

/// The columns of a batch.
pub(super) struct Moments {
    started: Numbers,
    ended: Numbers,
    channels: Texts,
    engaged: Flags,
    searches: Vec<Vec<String>>,
    codes: Numbers,
    classes: Texts,
    achieved: Vec<Vec<String>>,
    orders: Objects,
    ordered_at: Numbers,
}

impl Moments {
    pub(super) fn of(batch: &RecordBatch) -> Result<Moments, LakeError> {
        let orders = objects_of(batch, "orders")?;
        Ok(Moments {
            started: numbers_of(batch, "started_at")?,
            ended: numbers_of(batch, "ended_at")?,
            channels: texts_of(batch, "channel")?,
            engaged: flags_of(batch, "engaged")?,
            searches: lists_of(batch, "search_terms")?,
            codes: numbers_of(batch, "disposition_code")?,
            classes: texts_of(batch, "disposition_class")?,
            achieved: lists_of(batch, "achieved")?,
            ordered_at: orders.numbers("at")?,
            orders,
        })
    }

    /// The moment, milliseconds since 1970; nothing where the session did no such thing.
    pub(super) fn at(&self, row: usize, step: &Step) -> Option<i64> {
        let started = self.started.at(row)?;
        let nominal = |stage: u8| started + i64::from(stage);
        let end = || self.ended.at(row).unwrap_or(started).max(nominal(stage::OUTCOME));
        match &step.kind {
            StepKind::Arrived => Some(started),
            StepKind::Channel(name) => (self.channels.at(row) == Some(name)).then_some(started),
            StepKind::Stage(stage) => self.passed(row, *stage).then(|| nominal(*stage)),
            StepKind::Order => self.has_achieved(row, "order").then(|| {
                let at = self.orders.of(row).filter_map(|order| self.ordered_at.at(order)).min();
                at.or_else(|| self.ended.at(row)).unwrap_or(started).max(nominal(stage::ORDER))
            }),
            StepKind::Subscription => self.has_achieved(row, "subscription").then(end),
            StepKind::Achieved(name) => self.has_achieved(row, name).then(end),
            StepKind::Class(class) => (self.classes.at(row) == Some(class)).then(end),
            StepKind::Code(code) => (self.codes.at(row) == Some(*code)).then(end),
        }
    }

    fn has_achieved(&self, row: usize, name: &str) -> bool {
        self.achieved.get(row).is_some_and(|names| names.iter().any(|known| known == name))
    }

    fn passed(&self, row: usize, asked: u8) -> bool {
        let code = self.codes.at(row).and_then(|code| u32::try_from(code).ok());
        if asked == stage::ENGAGED {
            return self.engaged.at(row) == Some(true);
        }
        if asked == stage::SEARCHED {
            let searched = self.searches.get(row).is_some_and(|terms| !terms.is_empty());
            return searched || code == Some(code::SEARCH_ABANDON);
        }
        let deepest = match code {
            _ if self.has_achieved(row, "order") => stage::ORDER,
            Some(code::CATEGORY_ABANDON) => stage::CATEGORY,
            Some(code::PRODUCT_ABANDON) => stage::PRODUCT,
            Some(code::CART_ABANDON) => stage::CART,
            Some(code::CHECKOUT_ABANDON) => stage::CHECKOUT,
            _ => return false,
        };
        deepest >= asked
    }
}
