//! What of a page is covered by pictures, and how many characters stand on them: by that is decided whether a picture
//! shows words that are no text.

use hayro_interpret::kurbo::{Affine, Point};

/// Cells on each side of the grid that is laid over a page.
const CELLS: usize = 32;
/// Pictures that cover less of a page are signs and photographs too small for a line of words.
const LARGE: f64 = 1.0 / 8.0;
/// A page of which pictures cover so much is a picture.
const WHOLE: f64 = 3.0 / 4.0;
/// So many characters on pictures are the words of the picture: a scan whose characters were recognised before.
const WORDS: u32 = 100;
/// Fewer than so many on a page are what was stamped on a scan: a number, a line of a fax.
const STAMP: u32 = 50;

/// A page, cell by cell.
pub struct Cover {
    /// Width and height of the page.
    size: (f64, f64),
    /// A bit for each cell on which a picture lies.
    pictures: [u32; CELLS],
    /// Characters that stand on each cell.
    letters: [[u32; CELLS]; CELLS],
    has_picture: bool,
    /// Characters with a meaning.
    known: u32,
    /// Characters whose fonts do not say which they are.
    unknown: u32,
}

impl Cover {
    /// An empty page of this size.
    pub fn new((width, height): (f32, f32)) -> Cover {
        Cover {
            size: (f64::from(width).max(1.0), f64::from(height).max(1.0)),
            pictures: [0; CELLS],
            letters: [[0; CELLS]; CELLS],
            has_picture: false,
            known: 0,
            unknown: 0,
        }
    }

    /// A picture of so many pixels, and where they go.
    pub fn picture(&mut self, width: u32, height: u32, transform: Affine) {
        self.has_picture = true;
        let (width, height) = (f64::from(width), f64::from(height));
        let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]
            .map(|corner| transform * Point::from(corner));
        if corners.iter().any(|corner| !corner.is_finite()) {
            return;
        }
        let ends = |places: [f64; 4], size: f64| {
            let least = places.into_iter().fold(f64::INFINITY, f64::min);
            let most = places.into_iter().fold(f64::NEG_INFINITY, f64::max);
            // A cell counts when its middle is covered.
            let cell =
                |at: f64| (at / size * CELLS as f64).clamp(0.0, CELLS as f64).round() as usize;
            cell(least)..cell(most)
        };
        let columns = ends(corners.map(|corner| corner.x), self.size.0);
        let bits = columns.fold(0, |bits, column| bits | 1 << column);
        for row in &mut self.pictures[ends(corners.map(|corner| corner.y), self.size.1)] {
            *row |= bits;
        }
    }

    /// So many characters that are no space stand here.
    pub fn letters(&mut self, count: u32, at: Point) {
        self.known = self.known.saturating_add(count);
        let cell = |at: f64, size: f64| ((at / size * CELLS as f64) as usize).min(CELLS - 1);
        let on = &mut self.letters[cell(at.y, self.size.1)][cell(at.x, self.size.0)];
        *on = on.saturating_add(count);
    }

    /// A character stands here whose font does not say which it is.
    pub fn unknown(&mut self) {
        self.unknown = self.unknown.saturating_add(1);
    }

    /// How many such characters there are.
    pub fn unknown_letters(&self) -> u32 {
        self.unknown
    }

    /// Whether the page is a picture: nothing is on it, or a stamp alone, that is text.
    pub fn is_scan(&self) -> bool {
        match self.known {
            0 => self.has_picture || self.unknown > 0,
            known => known < STAMP && self.covered() >= WHOLE,
        }
    }

    /// Whether something on it may be words that are no text.
    pub fn may_show_words(&self) -> bool {
        self.is_scan()
            || self.unknown > self.known
            || (self.covered() >= LARGE && self.letters_on_pictures() < WORDS)
    }

    /// The part of the page on which pictures lie.
    fn covered(&self) -> f64 {
        let cells: u32 = self.pictures.iter().map(|row| row.count_ones()).sum();
        f64::from(cells) / (CELLS * CELLS) as f64
    }

    fn letters_on_pictures(&self) -> u32 {
        let rows = self.pictures.iter().zip(&self.letters);
        rows.flat_map(|(bits, row)| row.iter().enumerate().map(move |cell| (bits, cell)))
            .filter(|(bits, (column, _))| *bits >> column & 1 == 1)
            .fold(0, |sum: u32, (_, (_, count))| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 600 by 800 with a picture of 100 by 100 pixels from `from` to `to`, and so many characters at each
    /// of these places.
    fn page(picture: Option<[f64; 4]>, letters: &[(u32, f64, f64)]) -> Cover {
        let mut page = Cover::new((600.0, 800.0));
        if let Some([left, top, right, bottom]) = picture {
            let (x, y) = ((right - left) / 100.0, (bottom - top) / 100.0);
            page.picture(100, 100, Affine::new([x, 0.0, 0.0, y, left, top]));
        }
        for (count, x, y) in letters {
            page.letters(*count, Point::new(*x, *y));
        }
        page
    }

    const WHOLE_PAGE: Option<[f64; 4]> = Some([0.0, 0.0, 600.0, 800.0]);
    const HALF: Option<[f64; 4]> = Some([0.0, 400.0, 600.0, 800.0]);

    #[test]
    fn a_scan_with_a_stamp_is_a_scan_and_one_with_its_words_is_none() {
        for (of, is_scan, may_show) in [
            (page(None, &[]), false, false),
            (page(WHOLE_PAGE, &[]), true, true),
            (page(WHOLE_PAGE, &[(18, 300.0, 780.0)]), true, true),
            (page(WHOLE_PAGE, &[(60, 300.0, 780.0)]), false, true),
            (page(WHOLE_PAGE, &[(900, 300.0, 380.0)]), false, false),
            // A page of a report with the picture of a letter on its lower half.
            (page(HALF, &[(900, 300.0, 200.0)]), false, true),
            (
                page(HALF, &[(900, 300.0, 200.0), (400, 300.0, 600.0)]),
                false,
                false,
            ),
            // With the arms of an authority in its corner.
            (
                page(Some([10.0, 10.0, 80.0, 80.0]), &[(900, 300.0, 200.0)]),
                false,
                false,
            ),
            (page(Some([10.0, 10.0, 80.0, 80.0]), &[]), true, true),
        ] {
            assert_eq!((of.is_scan(), of.may_show_words()), (is_scan, may_show));
        }
    }

    #[test]
    fn pictures_in_strips_turned_or_outside_of_the_page_are_measured() {
        let mut strips = Cover::new((600.0, 800.0));
        for n in 0..40 {
            strips.picture(600, 20, Affine::translate((0.0, f64::from(n) * 20.0)));
        }
        strips.letters(18, Point::new(1.0, 1.0));
        assert!(strips.is_scan());

        let mut turned = page(None, &[(18, 300.0, 10.0)]);
        turned.picture(800, 600, Affine::new([0.0, 1.0, -1.0, 0.0, 600.0, 0.0]));
        assert!(turned.is_scan());

        let mut outside = page(None, &[(900, -5.0, 1e9), (900, f64::NAN, f64::INFINITY)]);
        outside.picture(600, 800, Affine::translate((700.0, 0.0)));
        outside.picture(600, 800, Affine::scale(f64::NAN));
        assert!(!outside.may_show_words());
    }

    #[test]
    fn letters_of_which_nobody_knows_the_meaning_are_looked_at() {
        let mut page = page(None, &[(40, 300.0, 200.0)]);
        for _ in 0..40 {
            page.unknown();
        }
        assert!(!page.may_show_words());
        page.unknown();
        assert!(page.may_show_words() && !page.is_scan());
    }
}
