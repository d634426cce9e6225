//! Columns in memory: as narrow as their values allow.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, PrimitiveArray, StringArray, StringViewArray, UInt32Array, new_empty_array,
};
use arrow_buffer::Buffer;
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field};
use arrow_select::concat::concat;
use arrow_select::take::take;
use rustc_hash::FxHashMap;

/// One column of a table, its rows in the table's resident order.
pub struct ResidentColumn {
    pub field: Field,
    pub array: ArrayRef,
    /// The different texts of a dictionary, as queries see them.
    texts: Option<StringViewArray>,
}

/// Texts of a batch that hold on to more memory than this are copied out of it.
const SHARED_BYTES: usize = 1 << 17;

impl ResidentColumn {
    fn new(field: &Field, array: ArrayRef) -> Result<Self, ArrowError> {
        let texts = match array.as_any_dictionary_opt() {
            Some(dictionary) => Some(cast(dictionary.values(), &DataType::Utf8View)?.as_string_view().clone()),
            None => None,
        };
        Ok(ResidentColumn {
            field: field.clone().with_data_type(array.data_type().clone()),
            array,
            texts,
        })
    }

    pub fn bytes(&self) -> usize {
        self.array.get_array_memory_size() + self.texts.as_ref().map_or(0, |texts| texts.len() * 16)
    }

    /// Some rows, as wide as they were when they were read.
    pub fn rows(&self, rows: &UInt32Array, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        if let (Some(texts), Some(dictionary)) = (&self.texts, self.array.as_any_dictionary_opt()) {
            let keys = take(dictionary.keys(), rows, None)?;
            let taken = take(texts, &keys, None)?;
            if *data_type != DataType::Utf8View {
                return cast(&taken, data_type);
            }
            let shared: usize = texts.data_buffers().iter().map(Buffer::len).sum();
            return Ok(if shared > SHARED_BYTES {
                Arc::new(taken.as_string_view().gc())
            } else {
                taken
            });
        }
        let narrow = take(&self.array, rows, None)?;
        if narrow.data_type() == data_type {
            Ok(narrow)
        } else {
            cast(&narrow, data_type)
        }
    }
}

/// Collects the batches of one column.
pub enum ColumnBuilder {
    /// Texts that repeat, so far.
    Dictionary {
        field: Field,
        texts: FxHashMap<Box<str>, u16>,
        keys: Vec<u16>,
        nulls: Vec<bool>,
        has_nulls: bool,
    },
    Plain {
        field: Field,
        batches: Vec<ArrayRef>,
    },
}

/// More different texts than this are kept one by one.
const MOST_DIFFERENT: usize = u16::MAX as usize;

impl ColumnBuilder {
    pub fn new(field: &Field) -> Self {
        // Metadata says what JSON is; the type is settled by the values.
        match field.data_type() {
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => ColumnBuilder::Dictionary {
                field: field.clone(),
                texts: FxHashMap::default(),
                keys: Vec::new(),
                nulls: Vec::new(),
                has_nulls: false,
            },
            _ => ColumnBuilder::Plain {
                field: field.clone(),
                batches: Vec::new(),
            },
        }
    }

    pub fn push(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        match self {
            ColumnBuilder::Plain { batches, .. } => {
                // A view keeps the whole read buffer alive; a copy does not.
                batches.push(match array.data_type() {
                    DataType::Utf8View => cast(array, &DataType::Utf8)?,
                    DataType::BinaryView => cast(array, &DataType::Binary)?,
                    DataType::Int64 => narrowed::<Int64Type>(array)?,
                    _ => array.clone(),
                });
                Ok(())
            }
            ColumnBuilder::Dictionary {
                field,
                texts,
                keys,
                nulls,
                has_nulls,
            } => {
                let array = cast(array, &DataType::Utf8)?;
                let strings: &StringArray = array.as_string();
                for (row, text) in strings.iter().enumerate() {
                    let key = match text {
                        None => {
                            *has_nulls = true;
                            0
                        }
                        Some(text) => match texts.get(text) {
                            Some(&key) => key,
                            None if texts.len() < MOST_DIFFERENT => {
                                let key = texts.len() as u16;
                                texts.insert(text.into(), key);
                                key
                            }
                            None => {
                                let mut batches: Vec<ArrayRef> = vec![
                                    spelled_out(texts, keys, nulls),
                                    Arc::new(strings.slice(row, strings.len() - row)),
                                ];
                                batches.retain(|batch| !batch.is_empty());
                                *self = ColumnBuilder::Plain {
                                    field: field.clone(),
                                    batches,
                                };
                                return Ok(());
                            }
                        },
                    };
                    keys.push(key);
                    nulls.push(text.is_some());
                }
                Ok(())
            }
        }
    }

    /// Memory taken so far.
    pub fn bytes(&self) -> usize {
        match self {
            ColumnBuilder::Dictionary { texts, keys, nulls, .. } => texts.len() * 64 + keys.len() * 2 + nulls.len(),
            ColumnBuilder::Plain { batches, .. } => batches.iter().map(|batch| batch.get_array_memory_size()).sum(),
        }
    }

    /// The column; `order` gives the place of each resident row among the rows
    /// pushed, or `rows` how many of the first rows are resident.
    pub fn finish(self, order: Option<&UInt32Array>, rows: usize) -> Result<ResidentColumn, ArrowError> {
        let (field, array) = match self {
            ColumnBuilder::Dictionary {
                field,
                texts,
                keys,
                nulls,
                has_nulls,
            } => {
                let nulls = has_nulls.then(|| nulls.into());
                let values = dictionary_values(&texts);
                let array: ArrayRef = if texts.len() <= usize::from(u8::MAX) {
                    let keys: Vec<u8> = keys.iter().map(|&key| key as u8).collect();
                    let keys = PrimitiveArray::<UInt8Type>::new(keys.into(), nulls);
                    Arc::new(DictionaryArray::try_new(keys, values)?)
                } else {
                    let keys = PrimitiveArray::<UInt16Type>::new(keys.into(), nulls);
                    Arc::new(DictionaryArray::try_new(keys, values)?)
                };
                (field, array)
            }
            // A table without rows.
            ColumnBuilder::Plain { field, batches } if batches.is_empty() => {
                let nothing = new_empty_array(field.data_type());
                (field, nothing)
            }
            ColumnBuilder::Plain { field, batches } => (field, joined(batches)?),
        };
        let array = match order {
            Some(order) => take(&array, order, None)?,
            None => array.slice(0, rows.min(array.len())),
        };
        ResidentColumn::new(&field, array)
    }
}

/// Batches may have been narrowed differently: the widest type holds them all.
fn joined(mut batches: Vec<ArrayRef>) -> Result<ArrayRef, ArrowError> {
    const WIDTHS: [DataType; 5] = [
        DataType::UInt8,
        DataType::UInt16,
        DataType::Int16,
        DataType::Int32,
        DataType::UInt32,
    ];
    let types: Vec<DataType> = batches.iter().map(|batch| batch.data_type().clone()).collect();
    if let Some(first) = types.first()
        && types.iter().any(|each| each != first)
    {
        let is_narrow = types.iter().all(|each| WIDTHS.contains(each));
        let has = |wanted: &[DataType]| types.iter().any(|each| wanted.contains(each));
        let widest = match (
            is_narrow,
            has(&[DataType::UInt32]),
            has(&[DataType::Int16, DataType::Int32]),
        ) {
            (true, true, false) => DataType::UInt32,
            (true, false, true) => DataType::Int32,
            (true, false, false) => DataType::UInt16,
            (true, true, true) | (false, _, _) => DataType::Int64,
        };
        for batch in &mut batches {
            *batch = cast(batch, &widest)?;
        }
    }
    let references: Vec<&dyn Array> = batches.iter().map(AsRef::as_ref).collect();
    concat(&references)
}

/// Whole numbers of one batch in the smallest type that holds them.
fn narrowed<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let numbers: &PrimitiveArray<T> = array.as_primitive();
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for number in numbers.iter().flatten() {
        low = low.min(number);
        high = high.max(number);
    }
    let fits = |min: i64, max: i64| low >= min && high <= max;
    fn to<T: ArrowPrimitiveType, U: ArrowPrimitiveType>(
        numbers: &PrimitiveArray<T>,
        convert: impl Fn(T::Native) -> U::Native,
    ) -> ArrayRef {
        Arc::new(numbers.unary::<_, U>(convert))
    }
    Ok(if low > high || fits(0, i64::from(u8::MAX)) {
        to::<T, UInt8Type>(numbers, |number| number as u8)
    } else if fits(0, i64::from(u16::MAX)) {
        to::<T, UInt16Type>(numbers, |number| number as u16)
    } else if fits(0, i64::from(u32::MAX)) {
        to::<T, UInt32Type>(numbers, |number| number as u32)
    } else if fits(i64::from(i16::MIN), i64::from(i16::MAX)) {
        to::<T, Int16Type>(numbers, |number| number as i16)
    } else if fits(i64::from(i32::MIN), i64::from(i32::MAX)) {
        to::<T, Int32Type>(numbers, |number| number as i32)
    } else {
        array.clone()
    })
}

fn dictionary_values(texts: &FxHashMap<Box<str>, u16>) -> ArrayRef {
    let mut values = vec![""; texts.len()];
    for (text, &key) in texts {
        values[usize::from(key)] = text;
    }
    Arc::new(StringArray::from(values))
}

fn spelled_out(texts: &FxHashMap<Box<str>, u16>, keys: &[u16], nulls: &[bool]) -> ArrayRef {
    let mut values = vec![""; texts.len()];
    for (text, &key) in texts {
        values[usize::from(key)] = text;
    }
    let mut builder = StringBuilder::new();
    for (&key, &is_valid) in keys.iter().zip(nulls) {
        builder.append_option(is_valid.then(|| values[usize::from(key)]));
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BinaryViewArray, Float64Array, Int64Array, StringViewArray};

    fn column(arrays: &[ArrayRef], order: Option<Vec<u32>>) -> ResidentColumn {
        let field = Field::new("c", arrays[0].data_type().clone(), true);
        let mut builder = ColumnBuilder::new(&field);
        let rows = arrays.iter().map(|array| array.len()).sum();
        arrays.iter().for_each(|array| builder.push(array).unwrap());
        builder.finish(order.map(UInt32Array::from).as_ref(), rows).unwrap()
    }

    fn build(arrays: Vec<ArrayRef>, order: Option<Vec<u32>>) -> ArrayRef {
        column(&arrays, order).array
    }

    fn texts(array: &ArrayRef) -> Vec<Option<String>> {
        let plain = cast(array, &DataType::Utf8).unwrap();
        plain
            .as_string::<i32>()
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect()
    }

    #[test]
    fn texts_that_repeat_become_a_dictionary() {
        let column = build(
            vec![
                Arc::new(StringViewArray::from(vec![Some("b"), None, Some("a")])),
                Arc::new(StringViewArray::from(vec!["b"])),
            ],
            Some(vec![3, 2, 1, 0]),
        );
        assert_eq!(
            *column.data_type(),
            DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8))
        );
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(texts(&column), [text("b"), text("a"), None, text("b")]);
    }

    #[test]
    fn many_different_texts_are_kept_one_by_one() {
        let names: Vec<String> = (0..70_000).map(|number| format!("name {number}")).collect();
        let mut with_null: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
        with_null[3] = None;
        let column = build(vec![Arc::new(StringArray::from(with_null.clone()))], None);
        assert_eq!(*column.data_type(), DataType::Utf8);
        let want: Vec<Option<String>> = with_null.into_iter().map(|name| name.map(str::to_owned)).collect();
        assert_eq!(texts(&column), want);
    }

    #[test]
    fn whole_numbers_take_as_little_room_as_they_need() {
        let check = |batches: Vec<Vec<Option<i64>>>, expected: DataType| {
            let arrays = batches
                .iter()
                .map(|batch| Arc::new(Int64Array::from(batch.clone())) as ArrayRef)
                .collect();
            let column = build(arrays, None);
            assert_eq!(*column.data_type(), expected);
            let back = cast(&column, &DataType::Int64).unwrap();
            let have: Vec<Option<i64>> = back.as_primitive::<Int64Type>().iter().collect();
            assert_eq!(have, batches.concat());
        };
        check(vec![vec![Some(0), None, Some(255)]], DataType::UInt8);
        check(vec![vec![Some(1)], vec![Some(256)]], DataType::UInt16);
        check(vec![vec![Some(-1)], vec![Some(70_000)]], DataType::Int64);
        check(vec![vec![Some(-1)], vec![Some(7)]], DataType::Int32);
        check(vec![vec![Some(1)], vec![Some(4_000_000_000)]], DataType::UInt32);
        check(vec![vec![Some(1)], vec![Some(i64::MIN)]], DataType::Int64);
    }

    #[test]
    fn rows_come_back_as_wide_as_they_went_in() {
        let check = |array: ArrayRef| {
            let column = column(&[array.clone()], None);
            let rows = UInt32Array::from(vec![2, 0, 1, 0]);
            let expected = take(&array, &rows, None).unwrap();
            assert_eq!(&column.rows(&rows, array.data_type()).unwrap(), &expected);
        };
        check(Arc::new(StringViewArray::from(vec![
            Some("oak"),
            None,
            Some("a tree of a longer name"),
        ])));
        check(Arc::new(StringArray::from(vec!["oak", "fir", "oak"])));
        check(Arc::new(Int64Array::from(vec![Some(3), None, Some(-70_000)])));
        check(Arc::new(Int64Array::from(vec![i64::MAX, 1, i64::MIN])));
        check(Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::NAN)])));
        check(Arc::new(BinaryViewArray::from_iter([
            Some(b"x".as_slice()),
            None,
            Some(b"more than twelve bytes"),
        ])));
    }
}
