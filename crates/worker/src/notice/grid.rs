//! Grid references: UTM and MGRS to latitude and longitude on WGS 84.
//!
//! The inverse transverse Mercator projection by Krüger's series (Karney 2011, equations 11 and 36, to the fourth
//! order), good to millimetres within a zone. Letters of MGRS are those of NGA.SIG.0012, scheme AA.

/// Latitude and longitude of a place in a zone of UTM, in metres; `None` outside of what the grid covers.
pub fn utm(zone: u32, north: bool, easting: f64, northing: f64) -> Option<(f64, f64)> {
    const A: f64 = 6_378_137.0;
    const F: f64 = 1.0 / 298.257_223_563;
    const SCALE: f64 = 0.9996;
    let on_grid = (1..=60).contains(&zone)
        && (100_000.0..=900_000.0).contains(&easting)
        && (0.0..=10_000_000.0).contains(&northing);
    if !on_grid {
        return None;
    }
    let n = F / (2.0 - F);
    let (n2, n3, n4) = (n * n, n.powi(3), n.powi(4));
    let radius = A / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0);
    let northing = if north {
        northing
    } else {
        northing - 10_000_000.0
    };
    let (xi, eta) = (
        northing / (SCALE * radius),
        (easting - 500_000.0) / (SCALE * radius),
    );
    let beta = [
        n / 2.0 - 2.0 * n2 / 3.0 + 37.0 * n3 / 96.0 - n4 / 360.0,
        n2 / 48.0 + n3 / 15.0 - 437.0 * n4 / 1440.0,
        17.0 * n3 / 480.0 - 37.0 * n4 / 840.0,
        4397.0 * n4 / 161_280.0,
    ];
    let (mut to_north, mut to_east) = (xi, eta);
    for (j, beta) in (1..).zip(beta) {
        let k = 2.0 * f64::from(j);
        to_north -= beta * (k * xi).sin() * (k * eta).cosh();
        to_east -= beta * (k * xi).cos() * (k * eta).sinh();
    }
    let longitude = to_east.sinh().atan2(to_north.cos()).to_degrees();
    // From the conformal latitude to the geographic one, by Newton's method.
    let conformal = to_north.sin() / (to_east.sinh().powi(2) + to_north.cos().powi(2)).sqrt();
    let e2 = F * (2.0 - F);
    let e = e2.sqrt();
    let mut tan = conformal;
    for _ in 0..5 {
        let root = (1.0 + tan * tan).sqrt();
        let sigma = (e * (e * tan / root).atanh()).sinh();
        let now = tan * (1.0 + sigma * sigma).sqrt() - sigma * root;
        let slope = (1.0 - e2) * root * (1.0 + now * now).sqrt() / (1.0 + (1.0 - e2) * tan * tan);
        tan += (conformal - now) / slope;
    }
    let middle = f64::from(zone) * 6.0 - 183.0;
    let (latitude, longitude) = (tan.atan().to_degrees(), middle + longitude);
    let covered = (-80.5..=84.5).contains(&latitude) && longitude.abs() <= 180.0;
    covered.then_some((latitude, longitude))
}

/// Bands of latitude, from 80° S in steps of 8°.
const BANDS: &str = "CDEFGHJKLMNPQRSTUVWX";
/// Letters of rows, from the equator in steps of 100 km, again after 2,000 km.
const ROWS: &str = "ABCDEFGHJKLMNPQRSTUV";
/// Letters of columns in three sets that take turns.
const COLUMNS: [&str; 3] = ["ABCDEFGH", "JKLMNPQR", "STUVWXYZ"];

/// The middle of the square that a reference of MGRS names: zone, band, column and row, and digits, half of them east
/// and half of them north.
pub fn mgrs(zone: u32, letters: [char; 3], digits: &str) -> Option<(f64, f64)> {
    let [band, column, row] = letters.map(|c| c.to_ascii_uppercase());
    let half = digits.len() / 2;
    if !(1..=60).contains(&zone) || !digits.len().is_multiple_of(2) || half > 5 {
        return None;
    }
    let band = BANDS.find(band)?;
    let column = COLUMNS.get((zone as usize - 1) % 3)?.find(column)?;
    let even = if zone.is_multiple_of(2) { 5 } else { 0 };
    let row = (ROWS.find(row)? + ROWS.len() - even) % ROWS.len();
    let side = 100_000.0 / 10_f64.powi(half as i32);
    let within = |digits: &str| -> Option<f64> {
        let whole: f64 = if digits.is_empty() {
            0.0
        } else {
            digits.parse().ok()?
        };
        Some((whole + 0.5) * side)
    };
    let easting = (column as f64 + 1.0) * 100_000.0 + within(digits.get(..half)?)?;
    let in_row = row as f64 * 100_000.0 + within(digits.get(half..)?)?;
    // Rows begin again every 2,000 km; the band says in which of these the square lies.
    let north = band >= 10;
    let (south_end, north_end) = (band as f64 * 8.0 - 80.0, band as f64 * 8.0 - 72.0);
    let north_end = if band == 19 { 84.0 } else { north_end };
    (0..5).find_map(|turn| {
        let place = utm(zone, north, easting, in_row + f64::from(turn) * 2_000_000.0)?;
        // A square may begin before its band does.
        (south_end - 1.0..=north_end + 1.0)
            .contains(&place.0)
            .then_some(place)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn near(place: Option<(f64, f64)>, north: f64, east: f64, within: f64) {
        let (a, b) = place.unwrap();
        assert!(
            (a - north).abs() < within && (b - east).abs() < within,
            "{a},{b}"
        );
    }

    /// References by GeographicLib's algorithms (geoconvert 1.0.2), which shares no code with this.
    #[test]
    fn grids_are_those_of_another_program() {
        let all = [
            (
                36,
                true,
                324182.209,
                5591607.607,
                "UUA",
                "2418291607",
                50.4501,
                30.5234,
            ),
            (
                37,
                true,
                410775.423,
                5319164.881,
                "UDP",
                "1077519164",
                48.019542,
                37.803427,
            ),
            (
                56,
                false,
                334368.634,
                6250948.345,
                "HLH",
                "3436850948",
                -33.8688,
                151.2093,
            ),
            (
                31,
                true,
                522254.196,
                55265.376,
                "NEA",
                "2225455265",
                0.5,
                3.2,
            ),
            (
                34,
                true,
                420653.594,
                7728081.222,
                "WDC",
                "2065328081",
                69.6492,
                18.9553,
            ),
            (
                19,
                false,
                544805.097,
                3927029.885,
                "FEV",
                "4480527029",
                -54.8019,
                -68.303,
            ),
            (
                35,
                true,
                385611.317,
                6672118.38,
                "VLG",
                "8561172118",
                60.1699,
                24.9384,
            ),
            (
                36,
                true,
                541684.795,
                4940495.195,
                "TWQ",
                "4168440495",
                44.6166,
                33.5254,
            ),
            (
                26,
                true,
                462101.337,
                9273261.909,
                "XMT",
                "6210173261",
                83.5,
                -30.0,
            ),
            (
                47,
                false,
                521300.075,
                1229843.518,
                "CNN",
                "2130029843",
                -79.0,
                100.0,
            ),
        ];
        for (zone, is_north, easting, northing, letters, digits, north, east) in all {
            near(utm(zone, is_north, easting, northing), north, east, 1e-7);
            let letters: Vec<char> = letters.chars().collect();
            let letters = [letters[0], letters[1], letters[2]];
            near(mgrs(zone, letters, digits), north, east, 1e-4);
        }
    }

    #[test]
    fn what_is_no_reference_is_none() {
        assert_eq!(utm(61, true, 500_000.0, 0.0), None);
        assert_eq!(utm(36, true, 50_000.0, 0.0), None);
        assert_eq!(mgrs(36, ['I', 'U', 'B'], "12345678"), None);
        assert_eq!(mgrs(36, ['U', 'A', 'B'], "1234"), None);
        assert_eq!(mgrs(36, ['U', 'U', 'B'], "123"), None);
        // A row that lies in another band.
        assert_eq!(mgrs(36, ['C', 'U', 'K'], "1234"), None);
    }
}
