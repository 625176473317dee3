//! Small dense matrices, and their inverses.

/// A square matrix, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Square {
    size: usize,
    rows: Vec<f64>,
}

impl Square {
    /// Ones on the diagonal.
    pub(crate) fn identity(size: usize) -> Square {
        let mut identity = Square { size, rows: vec![0.0; size * size] };
        for at in 0..size {
            identity.add(at, at, 1.0);
        }
        identity
    }

    pub(crate) fn get(&self, row: usize, column: usize) -> f64 {
        self.rows.get(row * self.size + column).copied().unwrap_or(0.0)
    }

    pub(crate) fn add(&mut self, row: usize, column: usize, number: f64) {
        if let Some(own) = self.rows.get_mut(row * self.size + column) {
            *own += number;
        }
    }

    /// A row times a factor is taken from another.
    fn subtract(&mut self, from: usize, row: usize, factor: f64) {
        for column in 0..self.size {
            let number = self.get(row, column);
            self.add(from, column, -factor * number);
        }
    }

    fn scale(&mut self, row: usize, factor: f64) {
        for number in self.rows.iter_mut().skip(row * self.size).take(self.size) {
            *number *= factor;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        for column in 0..self.size {
            self.rows.swap(one * self.size + column, other * self.size + column);
        }
    }

    /// By Gauss and Jordan with the greatest pivot of each column; none if it has no inverse.
    pub(crate) fn inverse(mut self) -> Option<Square> {
        let mut inverse = Square::identity(self.size);
        for column in 0..self.size {
            let size = |row: &usize| self.get(*row, column).abs();
            let pivot =
                (column..self.size).max_by(|one, other| size(one).total_cmp(&size(other)))?;
            if size(&pivot) == 0.0 {
                return None;
            }
            self.swap(column, pivot);
            inverse.swap(column, pivot);
            let factor = 1.0 / self.get(column, column);
            self.scale(column, factor);
            inverse.scale(column, factor);
            for row in (0..self.size).filter(|row| *row != column) {
                let factor = self.get(row, column);
                if factor != 0.0 {
                    self.subtract(row, column, factor);
                    inverse.subtract(row, column, factor);
                }
            }
        }
        Some(inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() {
        let numbers = [0.0, 2.0, 1.0, 1.0, 1.0, 0.0, 3.0, 0.0, 1.0];
        let matrix = Square { size: 3, rows: numbers.to_vec() };
        let inverse = matrix.clone().inverse().unwrap();
        for (row, column) in (0..3).flat_map(|row| (0..3).map(move |column| (row, column))) {
            let product: f64 = (0..3).map(|at| matrix.get(row, at) * inverse.get(at, column)).sum();
            let expected = if row == column { 1.0 } else { 0.0 };
            assert!((product - expected).abs() < 1e-12, "{row} {column} {product}");
        }
        assert!(Square { size: 2, rows: vec![1.0, 2.0, 2.0, 4.0] }.inverse().is_none());
    }
}
