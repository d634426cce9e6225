//! Functions that filters and widgets of CARTO's clients need in SQL.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryViewArray, StringViewArray, UInt64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::prelude::SessionContext;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub(super) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::from(WithoutDiacritics {
        signature: Signature::any(1, Volatility::Immutable),
    }));
    context.register_udf(ScalarUDF::from(CartoFeatureId {
        signature: Signature::any(1, Volatility::Immutable),
    }));
}

fn only_argument(arguments: &ScalarFunctionArgs, name: &str, data_type: &DataType) -> Result<ArrayRef> {
    let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
    match arrays.as_slice() {
        [values] => Ok(cast(values, data_type)?),
        _ => Err(DataFusionError::Execution(format!("{name} takes one value"))),
    }
}

/// `WITHOUT_DIACRITICS(text)`: the text decomposed (NFD) and without combining marks: "São" becomes "Sao".
#[derive(Debug, PartialEq, Eq, Hash)]
struct WithoutDiacritics {
    signature: Signature,
}

impl ScalarUDFImpl for WithoutDiacritics {
    fn name(&self) -> &str {
        "without_diacritics"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = only_argument(&arguments, self.name(), &DataType::Utf8View)?;
        Ok(ColumnarValue::Array(without_diacritics(&texts)))
    }
}

fn without_diacritics(texts: &ArrayRef) -> ArrayRef {
    let view = texts.as_string_view();
    if view.iter().flatten().all(str::is_ascii) {
        return texts.clone();
    }
    let folded: StringViewArray = view
        .iter()
        .map(|text| {
            text.map(|text| {
                text.nfd()
                    .filter(|character| !is_combining_mark(*character))
                    .collect::<String>()
            })
        })
        .collect();
    Arc::new(folded)
}

/// `CARTO_FEATURE_ID(geometry)`: the `_carto_feature_id` that tiles give the geometry ([`spatial::feature_id`]).
#[derive(Debug, PartialEq, Eq, Hash)]
struct CartoFeatureId {
    signature: Signature,
}

impl ScalarUDFImpl for CartoFeatureId {
    fn name(&self) -> &str {
        "carto_feature_id"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let geometries = only_argument(&arguments, self.name(), &DataType::BinaryView)?;
        Ok(ColumnarValue::Array(Arc::new(feature_ids(geometries.as_binary_view()))))
    }
}

fn feature_ids(geometries: &BinaryViewArray) -> UInt64Array {
    geometries
        .iter()
        .map(|wkb| {
            let wkb = wkb?;
            match point_of(wkb) {
                Some([lon, lat]) => spatial::mercator::world_from_lonlat(lon, lat).map(spatial::feature_id::of_point),
                None => Some(spatial::feature_id::of_wkb(wkb)),
            }
        })
        .collect()
}

/// The coordinates of a little-endian plain point, the form that tables hold.
fn point_of(wkb: &[u8]) -> Option<[f64; 2]> {
    const HEADER: [u8; 5] = [1, 1, 0, 0, 0];
    let (x, y) = wkb.strip_prefix(&HEADER)?.split_first_chunk::<8>()?;
    Some([f64::from_le_bytes(*x), f64::from_le_bytes(*y.first_chunk::<8>()?)])
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;

    use super::*;

    #[test]
    fn marks_go_and_letters_stay() {
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec![
            Some("São Tomé"),
            None,
            Some("Ōsaka"),
            Some("plain"),
        ]));
        let folded = without_diacritics(&texts);
        let folded: Vec<_> = folded.as_string_view().iter().collect();
        assert_eq!(folded, [Some("Sao Tome"), None, Some("Osaka"), Some("plain")]);
    }

    #[test]
    fn a_point_has_the_id_that_tiles_give_it() {
        let mut point = vec![1, 1, 0, 0, 0];
        point.extend_from_slice(&71.43_f64.to_le_bytes());
        point.extend_from_slice(&51.13_f64.to_le_bytes());
        let empty_line: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 0, 0];
        let ids = feature_ids(&BinaryViewArray::from(vec![
            Some(point.as_slice()),
            None,
            Some(empty_line),
        ]));
        let world = spatial::mercator::world_from_lonlat(71.43, 51.13).expect("finite");
        assert_eq!(ids.value(0), spatial::feature_id::of_point(world));
        assert!(ids.is_null(1));
        assert_eq!(ids.value(2), spatial::feature_id::of_wkb(empty_line));
    }
}
