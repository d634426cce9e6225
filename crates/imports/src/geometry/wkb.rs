//! Reads well-known binary (ISO and extended) from bytes that may be anything: an error, never a panic.

use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

use super::read::Given;

/// Deepest nesting of collections that is followed.
const DEEPEST: usize = 16;

/// The geometry and the SRID of extended WKB; heights and measures are left out.
pub(crate) fn from_wkb(bytes: &[u8]) -> Result<Given, String> {
    let mut reader = Reader { bytes, at: 0 };
    let (geometry, srid) = reader.geometry(0)?;
    Ok(Given {
        geometry: Some(geometry),
        srid,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

#[derive(Clone, Copy)]
struct Head {
    is_little: bool,
    kind: u32,
    /// Numbers of one position.
    dimensions: usize,
    srid: Option<u32>,
}

impl Reader<'_> {
    fn geometry(&mut self, depth: usize) -> Result<(Geometry<f64>, Option<u32>), String> {
        if depth > DEEPEST {
            return Err("is nested too deeply".to_owned());
        }
        let head = self.head()?;
        let geometry = match head.kind {
            1 => Point::from(self.position(head)?).into(),
            2 => LineString(self.positions(head)?).into(),
            3 => self.polygon(head)?.into(),
            4 => MultiPoint(self.members(head, depth, |g| if let Geometry::Point(p) = g { Some(p) } else { None })?)
                .into(),
            5 => MultiLineString(self.members(head, depth, |g| {
                if let Geometry::LineString(l) = g { Some(l) } else { None }
            })?)
            .into(),
            6 => MultiPolygon(self.members(
                head,
                depth,
                |g| if let Geometry::Polygon(p) = g { Some(p) } else { None },
            )?)
            .into(),
            7 => Geometry::GeometryCollection(GeometryCollection(self.members(head, depth, Some)?)),
            other => return Err(format!("is WKB of type {other}, which cannot be stored")),
        };
        Ok((geometry, head.srid))
    }

    fn head(&mut self) -> Result<Head, String> {
        let is_little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            [other] => return Err(format!("is not valid WKB: it begins with {other}")),
        };
        let mut head = Head {
            is_little,
            kind: 0,
            dimensions: 2,
            srid: None,
        };
        let word = self.number(head)?;
        // Extended WKB marks Z, M and SRID with bits, ISO counts thousands.
        let (has_z, has_m, has_srid) = (
            word & 0x8000_0000 != 0,
            word & 0x4000_0000 != 0,
            word & 0x2000_0000 != 0,
        );
        let code = word & 0x0fff_ffff;
        let thousands = code / 1000;
        if thousands > 3 {
            return Err("is not valid WKB: unknown type".to_owned());
        }
        head.kind = code % 1000;
        head.dimensions += usize::from(has_z || thousands & 1 == 1) + usize::from(has_m || thousands & 2 == 2);
        if has_srid {
            head.srid = Some(self.number(head)?);
        }
        Ok(head)
    }

    fn polygon(&mut self, head: Head) -> Result<Polygon<f64>, String> {
        let count = self.count(head, 4)?;
        let mut rings = Vec::with_capacity(count);
        for _ in 0..count {
            rings.push(LineString(self.positions(head)?));
        }
        let mut rings = rings.into_iter();
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Ok(Polygon::new(exterior, rings.collect()))
    }

    fn members<T>(
        &mut self,
        head: Head,
        depth: usize,
        of: impl Fn(Geometry<f64>) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let count = self.count(head, 9)?;
        let mut members = Vec::with_capacity(count);
        for _ in 0..count {
            let (member, _) = self.geometry(depth + 1)?;
            members.push(of(member).ok_or("is not valid WKB: a part is of another type")?);
        }
        Ok(members)
    }

    fn positions(&mut self, head: Head) -> Result<Vec<Coord<f64>>, String> {
        let count = self.count(head, 8 * head.dimensions)?;
        (0..count).map(|_| self.position(head)).collect()
    }

    fn position(&mut self, head: Head) -> Result<Coord<f64>, String> {
        let mut numbers = [0.0; 4];
        for number in numbers.iter_mut().take(head.dimensions) {
            let bytes = self.take::<8>()?;
            *number = if head.is_little {
                f64::from_le_bytes(bytes)
            } else {
                f64::from_be_bytes(bytes)
            };
        }
        Ok(Coord {
            x: numbers[0],
            y: numbers[1],
        })
    }

    /// A count of things of at least `smallest` bytes each: never more than the bytes can hold.
    fn count(&mut self, head: Head, smallest: usize) -> Result<usize, String> {
        let count = self.number(head)? as usize;
        if count.saturating_mul(smallest) > self.bytes.len() - self.at {
            return Err("is WKB that ends too early".to_owned());
        }
        Ok(count)
    }

    fn number(&mut self, head: Head) -> Result<u32, String> {
        let bytes = self.take::<4>()?;
        Ok(if head.is_little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self
            .bytes
            .get(self.at..self.at + N)
            .and_then(|bytes| bytes.try_into().ok());
        self.at += N;
        taken.ok_or_else(|| "is WKB that ends too early".to_owned())
    }
}
