//! Dice: numbers without a pattern, the same for the same seed.

/// A source of numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Dice of several numbers, so that each (seed, client, batch) has its own.
    pub fn of(parts: &[u64]) -> Dice {
        let mut dice = Dice(0);
        for part in parts {
            dice = Dice(dice.roll() ^ part.wrapping_mul(0xA24B_AED4_963E_E407));
        }
        dice
    }

    /// The next number, of all 64-bit numbers.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most` − 1; 0 when `most` is 0.
    pub fn below(&mut self, most: u64) -> u64 {
        self.roll().checked_rem(most).unwrap_or(0)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several; `None` when there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(of.len() as u64)).ok()?;
        of.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_one_others() {
        let rolls = |parts: &[u64]| {
            let mut dice = Dice::of(parts);
            [dice.roll(), dice.roll()]
        };
        assert_eq!(rolls(&[1, 2]), rolls(&[1, 2]));
        assert_ne!(rolls(&[1, 2]), rolls(&[2, 1]));
        let mut dice = Dice::new(7);
        assert!((0..1_000).all(|_| (3..=5).contains(&dice.between(3, 5))));
    }
}
