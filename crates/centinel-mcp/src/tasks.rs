//! Calls that take long, as tasks (`io.modelcontextprotocol/tasks`, SEP-2663).
//!
//! A read that has not answered after two seconds goes on as a task, for a client that says that it
//! knows tasks; it is asked for by its id, by the caller who began it, until its time is over. Nothing
//! that writes becomes a task, and no task asks for anything. Tasks live in memory: a call lost with
//! the process is made again.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolResponse, CallToolResult, CreateTaskResult, GetTaskResult},
    service::RequestContext,
    task_manager::{TaskExit, TaskManager, TaskOptions},
};

use crate::{imported::quoted, ports::Principal};

/// How long an answer is waited for before it becomes a task.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a task and its result can be asked for.
const TIME_MAX_MS: u64 = 300_000;
/// How often a client is to ask.
const POLL_MS: u64 = 1_000;
/// Tasks that run at once, of everybody and of one caller; beyond, calls are waited for as ever.
const RUNNING_MAX: usize = 32;
const RUNNING_OF_ONE_MAX: usize = 4;

/// A call that is being answered.
pub(crate) type Work = Pin<Box<dyn Future<Output = CallToolResult> + Send>>;

/// Running and ended tasks, and whose they are.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    manager: TaskManager,
    callers: Arc<Mutex<HashMap<String, Principal>>>,
}

/// Whether the client takes tasks.
pub(crate) fn are_known(context: &RequestContext<RoleServer>) -> bool {
    let is_modern = context.protocol_version().is_some_and(|version| !version.has_initialize());
    is_modern && context.client_capabilities().is_some_and(|known| known.supports_tasks())
}

impl Tasks {
    /// The answer if it comes soon, else a task that will hold it.
    pub(crate) async fn answer(&self, caller: &Principal, mut work: Work) -> CallToolResponse {
        if let Ok(result) = tokio::time::timeout(PATIENCE, &mut work).await {
            return result.into();
        }
        match self.begin(caller, work) {
            Ok(task) => task.into(),
            Err(work) => work.await.into(),
        }
    }

    /// Lets the work go on by itself; gives it back where too much is running.
    fn begin(&self, caller: &Principal, work: Work) -> Result<CreateTaskResult, Work> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.retain(|id, _| self.manager.get_task(id).is_ok());
        let own = callers.iter().filter(|(id, of)| *of == caller && self.is_running(id)).count();
        if own >= RUNNING_OF_ONE_MAX || self.manager.running_task_count() >= RUNNING_MAX {
            return Err(work);
        }
        let options = TaskOptions::new()
            .with_ttl_ms(TIME_MAX_MS)
            .with_poll_interval_ms(POLL_MS)
            .with_status_message("being computed");
        let task = self.manager.spawn(options, |context| {
            Box::pin(async move {
                tokio::select! {
                    result = work => Ok(result),
                    // Dropped where it waits, like a call whose client has gone.
                    () = context.cancelled() => Err(TaskExit::Cancelled),
                }
            })
        });
        callers.insert(task.task_id.clone(), caller.clone());
        Ok(CreateTaskResult::new(task))
    }

    fn is_running(&self, id: &str) -> bool {
        self.manager.get_task(id).is_ok_and(|task| !task.status().is_terminal())
    }

    /// Where a task stands, with its result once there is one.
    ///
    /// # Errors
    ///
    /// Invalid parameters for a task that is not there, or not this caller's.
    pub(crate) fn get(&self, caller: &Principal, id: &str) -> Result<GetTaskResult, ErrorData> {
        self.check(caller, id)?;
        self.manager.get_task(id).map(GetTaskResult::new)
    }

    /// Takes answers for a task. None asks for any, so they are ignored, as unknown ones are.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(crate) fn update(&self, caller: &Principal, id: &str) -> Result<(), ErrorData> {
        self.check(caller, id)?;
        self.manager.update_task(id, [])
    }

    /// Ends a task; one that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(crate) fn cancel(&self, caller: &Principal, id: &str) -> Result<(), ErrorData> {
        self.check(caller, id)?;
        self.manager.cancel_task(id)
    }

    fn check(&self, caller: &Principal, id: &str) -> Result<(), ErrorData> {
        let callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.get(id) == Some(caller) {
            return Ok(());
        }
        let message = format!("no task {} of this caller; make the call again", quoted(id));
        Err(ErrorData::invalid_params(message, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> Work {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            CallToolResult::success(Vec::new())
        })
    }

    fn task(response: &CallToolResponse) -> Option<String> {
        match response {
            CallToolResponse::Task(created) => Some(created.task.task_id.clone()),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_are_bounded_and_of_one_caller() {
        let (ana, bo) = (Principal::token("ana"), Principal::token("bo"));
        let tasks = Tasks::default();
        let mut ids = Vec::new();
        for _ in 0..RUNNING_OF_ONE_MAX {
            ids.push(task(&tasks.answer(&ana, long()).await).unwrap());
        }
        // The fifth at once is waited for, while another caller still gets a task.
        let (waited, of_bo) = tokio::join!(tasks.answer(&ana, long()), tasks.answer(&bo, long()));
        assert_eq!(task(&waited), None);
        assert!(task(&of_bo).is_some());
        for id in &ids {
            assert!(tasks.get(&bo, id).is_err(), "another's task");
            assert!(tasks.cancel(&bo, id).is_err(), "another's task");
            assert!(tasks.get(&ana, id).is_ok());
        }
        assert!(tasks.get(&ana, "no-such-task").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_end_with_their_result_or_when_told() {
        let ana = Principal::token("ana");
        let tasks = Tasks::default();
        let quick: Work = Box::pin(async { CallToolResult::success(Vec::new()) });
        assert_eq!(task(&tasks.answer(&ana, quick).await), None);
        let ended = task(&tasks.answer(&ana, long()).await).unwrap();
        let told = task(&tasks.answer(&ana, long()).await).unwrap();
        let status = |id: &str| {
            let shown = serde_json::to_value(tasks.get(&ana, id).unwrap()).unwrap();
            assert_eq!(shown["ttlMs"], TIME_MAX_MS);
            assert_eq!(shown["resultType"], "complete");
            (shown["status"].as_str().unwrap().to_owned(), shown.get("result").is_some())
        };
        assert_eq!(status(&ended), ("working".to_owned(), false));
        assert_eq!(tasks.update(&ana, &ended), Ok(()));
        tasks.cancel(&ana, &told).unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(status(&ended), ("completed".to_owned(), true));
        assert_eq!(status(&told), ("cancelled".to_owned(), false));
        // Once more changes nothing.
        tasks.cancel(&ana, &ended).unwrap();
        assert_eq!(status(&ended), ("completed".to_owned(), true));
    }
}
