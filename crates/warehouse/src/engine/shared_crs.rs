//! Geometries without a CRS take that of the geometry they are compared or combined with.
//!
//! `ST_Intersects(geom, ST_GeomFromText('POLYGON (…)'))` is how everybody writes it; the functions below us refuse
//! a constant without a CRS next to a column that has one. Two different CRSs stay an error.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF};
use datafusion::prelude::SessionContext;
use sedona_expr::scalar_udf::{ScalarKernelRef, SedonaScalarKernel, SedonaScalarUDF};
use sedona_schema::crs::Crs;
use sedona_schema::datatypes::SedonaType;

/// Wraps the kernels of every spatial function of the session.
pub(super) fn share_crs(context: &SessionContext) {
    let state = context.state();
    for function in state.scalar_functions().values() {
        let Some(spatial) = function.inner().downcast_ref::<SedonaScalarUDF>() else {
            continue;
        };
        if !spatial_name(function.name()) {
            continue;
        }
        let kernels: Vec<ScalarKernelRef> = spatial
            .kernels()
            .iter()
            .map(|kernel| Arc::new(SharedCrs { inner: kernel.clone() }) as ScalarKernelRef)
            .collect();
        context.register_udf(ScalarUDF::from(spatial.clone().with_kernels(kernels)));
    }
}

fn spatial_name(name: &str) -> bool {
    name.starts_with("st_")
}

#[derive(Debug)]
struct SharedCrs {
    inner: ScalarKernelRef,
}

impl SedonaScalarKernel for SharedCrs {
    fn return_type(&self, arguments: &[SedonaType]) -> Result<Option<SedonaType>> {
        self.inner.return_type(&with_shared_crs(arguments))
    }

    fn return_type_from_args_and_scalars(
        &self,
        arguments: &[SedonaType],
        scalars: &[Option<&ScalarValue>],
    ) -> Result<Option<SedonaType>> {
        self.inner
            .return_type_from_args_and_scalars(&with_shared_crs(arguments), scalars)
    }

    fn invoke_batch(&self, types: &[SedonaType], arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
        self.inner.invoke_batch(&with_shared_crs(types), arguments)
    }

    fn invoke_batch_from_args(
        &self,
        types: &[SedonaType],
        arguments: &[ColumnarValue],
        return_type: &SedonaType,
        rows: usize,
        config: Option<&ConfigOptions>,
    ) -> Result<ColumnarValue> {
        self.inner
            .invoke_batch_from_args(&with_shared_crs(types), arguments, return_type, rows, config)
    }
}

/// The same types, those without a CRS given the only one that the others have.
fn with_shared_crs(arguments: &[SedonaType]) -> Vec<SedonaType> {
    let mut shared: Crs = None;
    for argument in arguments {
        if let SedonaType::Wkb(_, Some(crs)) | SedonaType::WkbLarge(_, Some(crs)) | SedonaType::WkbView(_, Some(crs)) =
            argument
        {
            shared.get_or_insert_with(|| crs.clone());
        }
    }
    if shared.is_none() {
        return arguments.to_vec();
    }
    arguments
        .iter()
        .map(|argument| match argument {
            SedonaType::Wkb(edges, None) => SedonaType::Wkb(*edges, shared.clone()),
            SedonaType::WkbLarge(edges, None) => SedonaType::WkbLarge(*edges, shared.clone()),
            SedonaType::WkbView(edges, None) => SedonaType::WkbView(*edges, shared.clone()),
            other => other.clone(),
        })
        .collect()
}
