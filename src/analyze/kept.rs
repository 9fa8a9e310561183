//! `Kept`: a view that is answered once, when it is first read, and then kept in memory.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::Result;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, collect};
use tokio::sync::OnceCell;

/// A view's answer, so that a session which asks much plans and computes it once.
pub struct Kept {
    session: SessionContext,
    plan: LogicalPlan,
    schema: SchemaRef,
    answer: OnceCell<MemTable>,
}

impl Kept {
    /// The answer of `plan`, as it was planned in `session`.
    pub fn new(session: SessionContext, plan: LogicalPlan) -> Self {
        Self {
            session,
            schema: Arc::new(plan.schema().as_arrow().clone()),
            plan,
            answer: OnceCell::new(),
        }
    }

    async fn computed(&self) -> Result<MemTable> {
        let state = self.session.state();
        let plan = state.create_physical_plan(&self.plan).await?;
        let batches = collect(plan, self.session.task_ctx()).await?;
        // A plan may know more of what is never null than its query did.
        let batches = batches.into_iter().map(|batch| {
            let columns = batch.columns().to_vec();
            Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
        });
        let batches = batches.collect::<Result<Vec<_>>>()?;
        MemTable::try_new(self.schema.clone(), vec![batches])
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kept").field(&self.schema).finish()
    }
}

#[async_trait]
impl TableProvider for Kept {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let answer = self.answer.get_or_try_init(|| self.computed()).await?;
        answer.scan(state, projection, filters, limit).await
    }
}
