//! GF(256) with the polynomial of Rijndael, and interpolation in it. No table is looked up by a secret and no branch
//! is taken on one, so that time and cache tell nothing.

use zeroize::Zeroizing;

fn mul(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= a & ((b >> bit) & 1).wrapping_neg();
        a = (a << 1) ^ (0x1b & (a >> 7).wrapping_neg());
    }
    product
}

/// The inverse, a^254; 0 for 0.
fn inverse(a: u8) -> u8 {
    let (mut power, mut square) = (1, a);
    for _ in 0..7 {
        square = mul(square, square);
        power = mul(power, square);
    }
    power
}

/// A point of as many polynomials as it has bytes: its place, which is public, and their values there.
pub(super) struct Point<'a> {
    pub x: u8,
    pub values: &'a [u8],
}

/// The values at `x` of the polynomials through points of different places and one length.
pub(super) fn interpolate(points: &[Point<'_>], x: u8) -> Zeroizing<Vec<u8>> {
    let len = points.first().map_or(0, |p| p.values.len());
    let mut out = Zeroizing::new(vec![0; len]);
    for (i, point) in points.iter().enumerate() {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        let weight = others.fold(1, |weight, (_, other)| {
            let part = mul(x ^ other.x, inverse(point.x ^ other.x));
            mul(weight, part)
        });
        for (out, value) in out.iter_mut().zip(point.values) {
            *out ^= mul(*value, weight);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_the_standards() {
        assert_eq!(mul(0x57, 0x83), 0xc1, "FIPS 197, section 4.2");
        for a in 1..=255 {
            assert_eq!(mul(a, inverse(a)), 1);
        }
        assert_eq!(inverse(0), 0);
    }

    #[test]
    fn a_polynomial_is_found_again_from_any_of_its_points() {
        // f(x) = 7 + 3x + 9x²
        let f = |x: u8| 7 ^ mul(3, x) ^ mul(9, mul(x, x));
        let at = [4, 254, 17].map(|x| (x, [f(x)]));
        let points: Vec<_> = at.iter().map(|(x, v)| Point { x: *x, values: v }).collect();
        for x in 0..=255 {
            assert_eq!(interpolate(&points, x)[0], f(x));
        }
    }
}
