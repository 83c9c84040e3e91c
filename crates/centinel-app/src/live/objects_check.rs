//! `sources test` of objects: one page of the list, the first rows of one object, and what it is.

use centinel_engine::{
    focus::Charge,
    usage::{Call, Outcome},
};
use centinel_ingest::{
    Options, Position, ReadError, Rejected, Sink, SinkError,
    objects::{Object, ObjectStore, Plan},
};

use super::{Check, Outside, SourceConfig, check::skew, objects::spool_name};
use crate::{
    App, AppError,
    import::{Inspected, inspect},
};

/// Largest object that is fetched to try a source out.
const BYTES_MAX: u64 = 256 << 20;
/// Rows that are read of it.
const ROWS_MAX: u64 = 1_000;

impl App {
    /// Tries a source of objects out; nothing is kept.
    pub(super) async fn test_objects(
        &self,
        source: &SourceConfig,
        outside: &Outside,
    ) -> Vec<Check> {
        let mut checks = Vec::new();
        let store = match self.object_store(source, outside) {
            Ok(store) => store,
            Err(error) => {
                let check = Check::new("credential", false, crate::error::in_one_line(&error));
                return vec![check.hint(error.hint())];
            }
        };
        if let Some(place) = &source.credential {
            checks.push(self.place(source, &place.to_string()));
        }
        let page = match store.page(None).await {
            Ok(page) => page,
            Err(error) => {
                let check = Check::new("list", false, error.to_string());
                checks.push(check.hint(error.hint().map(str::to_owned)));
                return checks;
            }
        };
        let (listed, more) =
            (page.objects.len(), if page.next.is_some() { "; more follow" } else { "" });
        let plan = Plan::of(page.objects);
        let detail = format!(
            "`{}` answers; {listed} objects on the first page, {} of them files of rows{more}",
            store.place(),
            plan.data.len(),
        );
        checks.push(Check::new("list", true, detail));
        let newest = plan.data.into_iter().rev().map(|planned| planned.object);
        if let Some(object) = newest.into_iter().find(|object| object.bytes <= BYTES_MAX) {
            checks.push(self.try_object(&store, &object, outside).await);
        }
        checks.extend(page.date.map(|clock| skew(clock, (outside.now)())));
        checks
    }

    async fn try_object(&self, store: &ObjectStore, object: &Object, outside: &Outside) -> Check {
        let failed = |error: &AppError| {
            let detail = format!("`{}`: {}", object.key, crate::error::in_one_line(error));
            Check::new("object", false, detail).hint(error.hint())
        };
        match self.read_first(store, object, outside).await {
            Err(error) => failed(&error),
            Ok((format, first)) => match first.first_reason {
                Some(reason) => {
                    let detail = format!("`{}` is {format}; {reason}", object.key);
                    Check::new("object", false, detail)
                }
                None => {
                    let more = if first.rows >= ROWS_MAX { "the first " } else { "" };
                    let rows = first.rows;
                    let detail = format!("`{}` is {format}; {more}{rows} rows read", object.key);
                    Check::new("object", true, detail)
                }
            },
        }
    }

    async fn read_first(
        &self,
        store: &ObjectStore,
        object: &Object,
        outside: &Outside,
    ) -> Result<(String, First), AppError> {
        let spool = self.home.join("spool");
        let (path, is_spooled) = match store.local_file(object) {
            Some(path) => (path, false),
            None => (spool.join(spool_name(outside.seed, &object.key)), true),
        };
        let unwritten = |source| AppError::Home { path: path.clone(), source };
        if is_spooled {
            std::fs::create_dir_all(&spool).map_err(unwritten)?;
            let mut file = std::fs::File::create(&path).map_err(unwritten)?;
            let fetched = store.fetch(object, BYTES_MAX, &mut file).await;
            if let Err(source) = fetched {
                let _ = std::fs::remove_file(&path);
                return Err(AppError::Fetch { name: object.key.clone(), source });
            }
        }
        let inspected = inspect(path.clone(), object.key.clone(), Options::default()).await;
        let read = match inspected {
            Err(error) => Err(error),
            Ok(Inspected { format, .. }) => {
                let mut first = First::default();
                let opened = centinel_ingest::open_input(&path).map_err(AppError::from);
                let read = opened.and_then(|opened| {
                    let read = centinel_ingest::read_opened(
                        format,
                        opened,
                        &Options::default(),
                        &mut first,
                    );
                    match read {
                        // It was stopped by us: it has seen enough.
                        Err(ReadError::Sink(_)) | Ok(_) => Ok(()),
                        Err(source) => Err(AppError::Read { name: object.key.clone(), source }),
                    }
                });
                read.map(|()| (format.to_string(), first))
            }
        };
        if is_spooled {
            let _ = std::fs::remove_file(&path);
        }
        read
    }
}

/// Counts the first rows and keeps none.
#[derive(Default)]
struct First {
    rows: u64,
    first_reason: Option<String>,
}

impl First {
    fn row(&mut self) -> Result<(), SinkError> {
        self.rows += 1;
        if self.rows >= ROWS_MAX { Err(SinkError::new("enough rows")) } else { Ok(()) }
    }
}

impl Sink for First {
    fn call(&mut self, _: &Position, _: &Call) -> Result<(), SinkError> {
        self.row()
    }

    fn charge(&mut self, _: &Position, _: &Charge) -> Result<(), SinkError> {
        self.row()
    }

    fn outcome(&mut self, _: &Position, _: &Outcome) -> Result<(), SinkError> {
        self.row()
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        let Rejected { position, reason, .. } = rejected;
        self.first_reason.get_or_insert(format!("row {}: {reason}", position.row));
        self.row()
    }
}
