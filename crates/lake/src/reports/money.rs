//! Revenue: what orders came to, by currency. Amounts of two currencies are never added.
use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use rust_decimal::Decimal;

use super::{
    Cell, Column,
    columns::{Amounts, Objects, Texts, objects_of, texts_of},
};
use crate::LakeError;

/// Columns that it is read from.
pub(super) const COLUMNS: [&str; 2] = ["orders", "commerce_currency"];
/// The currency of orders that name none.
const UNSTATED: &str = "unstated";
/// Amounts are added up in millionths, which keeps every sum exact.
const PLACES: u32 = 6;

/// What the sessions of a batch brought.
pub(super) struct Money {
    orders: Objects,
    totals: Amounts,
    refunds: Amounts,
    currencies: Texts,
    of_session: Texts,
}

impl Money {
    pub(super) fn of(batch: &RecordBatch) -> Result<Money, LakeError> {
        let orders = objects_of(batch, "orders")?;
        Ok(Money {
            totals: orders.amounts("total")?,
            refunds: orders.amounts("refunded")?,
            currencies: orders.texts("currency")?,
            of_session: texts_of(batch, "commerce_currency")?,
            orders,
        })
    }

    /// The orders of a row: totals less refunds, in millionths of their currency. One without a total
    /// brought what nobody knows, and one too large for 64 bits is taken for a mistake.
    pub(super) fn at(&self, row: usize) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for order in self.orders.of(row) {
            let Some(total) = self.totals.at(order) else { continue };
            let net = total.checked_sub(self.refunds.at(order).unwrap_or_default());
            let Some(units) = net.and_then(units) else { continue };
            let stated = self.currencies.at(order).or_else(|| self.of_session.at(row));
            let sum: &mut i64 = sums.entry(stated.unwrap_or(UNSTATED).to_owned()).or_default();
            *sum = sum.saturating_add(units);
        }
        sums
    }
}

fn units(amount: Decimal) -> Option<i64> {
    let rounded = amount.round_dp(PLACES);
    let shift = 10_i128.checked_pow(PLACES.checked_sub(rounded.scale())?)?;
    i64::try_from(rounded.mantissa().checked_mul(shift)?).ok()
}

/// A sum as a cell.
pub(super) fn amount(units: i128) -> Cell {
    let amount = Decimal::try_from_i128_with_scale(units, PLACES);
    amount.map_or(Cell::Nothing, |amount| Cell::Amount(amount.normalize()))
}

/// A sum that was shared out.
pub(super) fn shared(units: f64) -> Cell {
    Cell::shared(units / 1e6)
}

/// The column of a currency.
pub(super) fn column(currency: &str) -> Column {
    Column::of(&format!("revenue_{currency}"), currency)
}
