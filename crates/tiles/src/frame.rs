//! Where a tile lies and how places become coordinates inside it.

use spatial::{TileCoord, TileResolution, mercator};

/// MVT coordinates per tile side.
pub(crate) const MVT_EXTENT: u32 = spatial::mvt::EXTENT;

/// Lines and polygons reach this share of a tile side over its edges, so that
/// strokes along the cut are not seen.
const BUFFER_SHARE: f64 = 1.0 / 64.0;

const LATITUDE_SEGMENTS: usize = 66;

/// One tile with its grid.
pub struct TileFrame {
    coord: TileCoord,
    resolution: TileResolution,
    origin: [u32; 2],
    /// Bits of a world coordinate that lie inside the tile.
    inner_bits: u32,
    /// Steps of the grid that lines and polygons are snapped to, per tile side.
    grid_side: u32,
    unit_origin: [f64; 2],
    /// Grid steps per unit of the Mercator square.
    grid_scale: f64,
    /// Positions are rounded to 1 / this many degrees.
    rounding: f64,
    north: f64,
    south: f64,
    /// Quadratics that give the latitude inside 66 strips from top to bottom:
    /// a hundred times nearer than a sixteenth of a pixel at every zoom.
    latitudes: Box<[[f64; 3]; LATITUDE_SEGMENTS]>,
}

impl TileFrame {
    pub fn new(coord: TileCoord, resolution: TileResolution) -> Self {
        let [left, top, _, bottom] = coord.unit_bounds();
        let side = bottom - top;
        let grid_side = (resolution.grid_side() * 2).min(MVT_EXTENT);
        let latitude = |share: f64| mercator::latitude_from_unit(top + share * side);
        let mut latitudes = Box::new([[0.0; 3]; LATITUDE_SEGMENTS]);
        let mut upper = latitude(-BUFFER_SHARE);
        for (index, quadratic) in latitudes.iter_mut().enumerate() {
            let start = (index as f64 - 1.0) / 64.0;
            let middle = latitude(start + 0.5 / 64.0);
            let lower = latitude(start + 1.0 / 64.0);
            *quadratic = [
                upper,
                4.0 * middle - 3.0 * upper - lower,
                2.0 * upper - 4.0 * middle + 2.0 * lower,
            ];
            upper = lower;
        }
        // A pixel is 360 / 2^(z + 9) degrees: a sixteenth of it, at most, is lost.
        let digits = (i32::from(coord.z()) + 5 + i32::from(resolution.correction())).clamp(4, 26);
        TileFrame {
            coord,
            resolution,
            origin: coord.world_origin(),
            inner_bits: 32 - u32::from(coord.z()),
            grid_side,
            unit_origin: [left, top],
            grid_scale: f64::from(grid_side) / side,
            rounding: f64::from(1u32 << digits),
            north: mercator::latitude_from_unit(top),
            south: mercator::latitude_from_unit(bottom),
            latitudes,
        }
    }

    pub fn coord(&self) -> TileCoord {
        self.coord
    }

    pub fn resolution(&self) -> TileResolution {
        self.resolution
    }

    /// Steps of the grid of lines and polygons along a tile side.
    pub fn grid_side(&self) -> u32 {
        self.grid_side
    }

    /// How far lines and polygons reach over the tile's edges, in grid steps.
    pub fn grid_buffer(&self) -> f64 {
        f64::from(self.grid_side) * BUFFER_SHARE
    }

    /// Whether a world coordinate lies in the tile. Western and northern edges
    /// belong to it, so that no point is in two tiles.
    #[inline]
    pub fn contains(&self, world: [u32; 2]) -> bool {
        let inside = |value: u32, origin: u32| u64::from(value ^ origin) >> self.inner_bits == 0;
        inside(world[0], self.origin[0]) && inside(world[1], self.origin[1])
    }

    /// A world coordinate inside the tile as MVT coordinates.
    #[inline]
    pub(crate) fn mvt_position(&self, x: u32, y: u32) -> [i32; 2] {
        let position = |value: u32, origin: u32| {
            let inner = u64::from(value.wrapping_sub(origin));
            ((inner << 12) >> self.inner_bits) as i32
        };
        [position(x, self.origin[0]), position(y, self.origin[1])]
    }

    /// The index of the thinning cell of a world coordinate: row-major in
    /// [`TileFrame::cells`] cells.
    #[inline]
    pub(crate) fn cell(&self, x: u32, y: u32) -> usize {
        let bits = self.cell_bits();
        let position = |value: u32, origin: u32| {
            let inner = u64::from(value.wrapping_sub(origin));
            ((inner << bits) >> self.inner_bits) as usize
        };
        position(y, self.origin[1]) << bits | position(x, self.origin[0])
    }

    /// The index of the block of a world coordinate inside the tile: 64 blocks
    /// a side.
    pub(crate) fn block(&self, x: u32, y: u32) -> usize {
        let position = |value: u32, origin: u32| {
            let inner = u64::from(value.wrapping_sub(origin));
            ((inner << 6) >> self.inner_bits) as usize
        };
        position(y, self.origin[1]) << 6 | position(x, self.origin[0])
    }

    /// Thinning cells of a tile.
    pub(crate) fn cells(&self) -> usize {
        1 << (2 * self.cell_bits())
    }

    /// Levels between the tile and its thinning cells.
    fn cell_bits(&self) -> u32 {
        let level = spatial::level_of_detail::grid_level(self.coord.z(), self.resolution);
        u32::from(level.saturating_sub(self.coord.z()))
    }

    /// Degrees of a world coordinate inside the tile, rounded to what can be
    /// seen so that tiles compress, and never out of the tile.
    #[inline]
    pub(crate) fn lonlat(&self, x: u32, y: u32) -> [f64; 2] {
        let lon = (f64::from(x) + 0.5) * (360.0 / mercator::WORLD_SIZE) - 180.0;
        let inner = f64::from(y.wrapping_sub(self.origin[1])) + 0.5;
        let lat = self.latitude(inner / (1u64 << self.inner_bits) as f64);
        // The tile's western edge is a multiple of the step: rounding down and
        // half a step back keeps the point between the edges.
        let lon = ((lon * self.rounding).floor() + 0.5) / self.rounding;
        [lon, self.round(lat).clamp(self.south, self.north)]
    }

    /// Degrees of a grid position of a line or polygon.
    #[inline]
    pub(crate) fn lonlat_of_grid(&self, [x, y]: [i32; 2]) -> [f64; 2] {
        let share = f64::from(x) / self.grid_scale + self.unit_origin[0];
        let lat = self.latitude(f64::from(y) / f64::from(self.grid_side));
        [(share - 0.5) * 360.0, self.round(lat)]
    }

    /// Grid coordinates, not yet whole, of unit coordinates.
    #[inline]
    pub(crate) fn grid_from_unit(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [
            (x - self.unit_origin[0]) * self.grid_scale,
            (y - self.unit_origin[1]) * self.grid_scale,
        ]
    }

    /// `[west, south, east, north]` in degrees of the tile with its buffer.
    pub(crate) fn buffered_degrees(&self) -> [f64; 4] {
        let [left, top, right, bottom] = self.coord.unit_bounds();
        let buffer = (right - left) * BUFFER_SHARE;
        let [west, north] = mercator::lonlat_from_unit(left - buffer, top - buffer);
        let [east, south] = mercator::lonlat_from_unit(right + buffer, bottom + buffer);
        // What lies beyond the square is clamped to its edge, so it is inside.
        let north = if top <= 0.0 { 90.0 } else { north };
        let south = if bottom >= 1.0 { -90.0 } else { south };
        [west, south, east, north]
    }

    #[inline]
    fn round(&self, degrees: f64) -> f64 {
        // Adding and taking away 1.5 · 2^52 rounds to a whole number without a call.
        const WHOLE: f64 = 6_755_399_441_055_744.0;
        (degrees * self.rounding + WHOLE - WHOLE) / self.rounding
    }

    /// The latitude at a share of the way from the tile's top to its bottom.
    #[inline]
    fn latitude(&self, share: f64) -> f64 {
        let position = (share + BUFFER_SHARE) * 64.0;
        let segment = (position as usize).min(LATITUDE_SEGMENTS - 1);
        let [a, b, c] = self.latitudes[segment];
        let u = position - segment as f64;
        a + u * (b + u * c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(z: u8, x: u32, y: u32) -> TileFrame {
        TileFrame::new(TileCoord::new(z, x, y).unwrap(), TileResolution::Half)
    }

    #[test]
    fn positions_in_degrees_are_within_a_sixteenth_of_a_pixel_and_inside_the_tile() {
        for (z, x, y) in [
            (0, 0, 0),
            (1, 1, 1),
            (4, 3, 15),
            (12, 1205, 1539),
            (16, 40_000, 20_000),
            (22, 9, 4),
        ] {
            let frame = frame(z, x, y);
            let [x0, y0] = frame.origin;
            let pixel = 360.0 / 512.0 / f64::from(1u32 << z);
            for step in 0..=1000u64 {
                let inner = (((1u64 << frame.inner_bits) - 1) * step / 1000) as u32;
                let (wx, wy) = (x0 + inner, y0 + inner);
                let exact = mercator::lonlat_from_unit(mercator::unit_from_world(wx), mercator::unit_from_world(wy));
                let [lon, lat] = frame.lonlat(wx, wy);
                assert!((lon - exact[0]).abs() <= pixel / 16.0, "{z} lon {lon} {}", exact[0]);
                assert!((lat - exact[1]).abs() <= pixel / 16.0, "{z} lat {lat} {}", exact[1]);
                let bounds = frame.coord().bounds();
                assert!(lon >= bounds.west && lon < bounds.east && lat >= bounds.south && lat <= bounds.north);
            }
        }
    }

    #[test]
    fn western_and_northern_edges_belong_to_the_tile() {
        let frame = frame(1, 1, 0);
        assert!(frame.contains([1 << 31, 0]));
        assert!(frame.contains([u32::MAX, (1 << 31) - 1]));
        assert!(!frame.contains([(1 << 31) - 1, 0]));
        assert!(!frame.contains([1 << 31, 1 << 31]));
    }

    #[test]
    fn mvt_positions_run_from_0_to_4095() {
        let world = frame(0, 0, 0);
        assert_eq!(world.mvt_position(0, u32::MAX), [0, 4095]);
        let deep = frame(26, 5, 6);
        let [x0, y0] = deep.origin;
        assert_eq!(deep.mvt_position(x0 + 32, y0), [2048, 0]);
    }

    #[test]
    fn cells_are_256_a_side_at_the_default_resolution() {
        let frame = frame(3, 2, 1);
        assert_eq!(frame.cells(), 65_536);
        let [x0, y0] = frame.origin;
        assert_eq!(frame.cell(x0, y0), 0);
        let last = (1 << 29) - 1;
        assert_eq!(frame.cell(x0 + last, y0 + last), 65_535);
    }

    #[test]
    fn grid_corners_are_the_tile_corners() {
        let frame = frame(5, 7, 11);
        let bounds = frame.coord().bounds();
        let side = frame.grid_side() as i32;
        let [west, north] = frame.lonlat_of_grid([0, 0]);
        let [east, south] = frame.lonlat_of_grid([side, side]);
        assert_eq!((west, east), (bounds.west, bounds.east));
        let step = 360.0 / 16384.0 / 16.0;
        assert!((north - bounds.north).abs() < step && (south - bounds.south).abs() < step);
    }
}
