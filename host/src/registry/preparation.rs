//! Changes of code that are shown at once and run later: while the code is made ready (compiled), a new function is pending,
//! and an updated one runs what it ran before.

use std::sync::Arc;

use uuid::Uuid;

use super::{FunctionVersion, Registry, Stamps, record::FunctionRecord};
use crate::{
    error::{ResourceConflict, ResourceNotFound, ServiceError},
    function::{
        FunctionConfiguration, FunctionName, FunctionState, LastUpdateStatus, Qualifier, StateReason, VersionNumber,
    },
};

/// Names one preparation: whoever began it ends it, and nobody ends another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PreparationId(Uuid);

impl PreparationId {
    /// An id that was never given before.
    pub(crate) fn random() -> Self {
        Self(uuid::Builder::from_random_bytes(rand::random()).into_uuid())
    }
}

/// A change whose code is being made ready.
#[derive(Debug)]
pub(super) struct Preparation<X> {
    id: PreparationId,
    /// What `$LATEST` becomes. `None` for a new function.
    pub(super) next: Option<Arc<FunctionVersion<X>>>,
    /// The version that was published in the same step.
    pub(super) version: Option<VersionNumber>,
}

impl<X> Preparation<X> {
    /// One that was on when its host ended.
    pub(super) fn found(next: Option<Arc<FunctionVersion<X>>>, version: Option<VersionNumber>) -> Self {
        Self { id: PreparationId::random(), next, version }
    }
}

/// By hand, because a derive would ask for `X: Clone`.
impl<X> Clone for Preparation<X> {
    fn clone(&self) -> Self {
        Self { id: self.id, next: self.next.clone(), version: self.version }
    }
}

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// Ends a preparation: its code is ready, or can't be made so. Nothing happens if the function has gone meanwhile.
    ///
    /// # Errors
    ///
    /// The change can't be kept.
    pub(crate) fn prepared(
        &self,
        name: &FunctionName,
        id: PreparationId,
        outcome: Result<(), StateReason>,
    ) -> Result<(), ServiceError> {
        /// A function that is gone is no error here.
        enum Ended {
            Gone,
            NotKept(ServiceError),
        }
        impl From<ResourceNotFound> for Ended {
            fn from(_: ResourceNotFound) -> Self {
                Self::Gone
            }
        }
        impl From<ServiceError> for Ended {
            fn from(error: ServiceError) -> Self {
                Self::NotKept(error)
            }
        }
        let gone = || ResourceNotFound::Function { arn: self.base.function_text(name.as_str(), None) };
        let ended = self.change(name, gone, |record| {
            let next = record.prepared(id, outcome, &*self.stamps);
            if let Some(next) = &next {
                // What was reserved for the change was at least as much.
                let _ = self.quota.resize_code(record.code_bytes(), next.code_bytes());
            }
            Ok::<_, Ended>((next, ()))
        });
        match ended {
            Err(Ended::NotKept(error)) => Err(error),
            Ok(()) | Err(Ended::Gone) => Ok(()),
        }
    }
}

impl<X: Clone> FunctionRecord<X> {
    /// `$LATEST` as it is shown: what it becomes, if it is being updated.
    pub(super) fn shown(&self) -> &Arc<FunctionVersion<X>> {
        let next = self.preparation.as_ref().and_then(|preparation| preparation.next.as_ref());
        next.unwrap_or(&self.latest)
    }

    /// Refuses while a change is being made ready.
    pub(super) fn check_ready(&self) -> Result<(), ResourceConflict> {
        match &self.preparation {
            None => Ok(()),
            Some(Preparation { next: None, .. }) => Err(ResourceConflict::State { state: FunctionState::Pending }),
            Some(_) => Err(ResourceConflict::UpdateInProgress { arn: self.arn().clone() }),
        }
    }

    /// Refuses unless `$LATEST` can be published.
    pub(super) fn check_publishable(&self) -> Result<(), ResourceConflict> {
        self.check_ready()?;
        match &self.latest.configuration.state {
            FunctionState::Active => Ok(()),
            state => Err(ResourceConflict::State { state: state.clone() }),
        }
    }

    /// A new function whose code is not ready yet.
    pub(super) fn pending(self, id: PreparationId) -> Self {
        let latest = Arc::new(self.latest.in_state(FunctionState::Pending, None));
        Self { latest, preparation: Some(Preparation { id, next: None, version: None }), ..self }
    }

    /// With `next`, whose code is not ready yet, as what `$LATEST` becomes.
    pub(super) fn becoming(&self, id: PreparationId, next: FunctionVersion<X>) -> Self {
        Self { preparation: Some(Preparation { id, next: Some(Arc::new(next)), version: None }), ..self.clone() }
    }

    /// Notes that `version` is published. Of what is being made ready, it is pending too.
    pub(super) fn publishing(&mut self, number: VersionNumber, version: FunctionVersion<X>) -> Arc<FunctionVersion<X>> {
        let Some(preparation) = &mut self.preparation else { return Arc::new(version) };
        preparation.version = Some(number);
        Arc::new(version.in_state(FunctionState::Pending, None))
    }

    /// With `$LATEST`, as it is shown, replaced.
    pub(super) fn with_shown(&self, shown: FunctionVersion<X>) -> Self {
        let shown = Arc::new(shown);
        let mut next = self.clone();
        match &mut next.preparation {
            Some(Preparation { next: Some(becoming), .. }) => *becoming = shown,
            _ => next.latest = shown,
        }
        next
    }

    /// After the end of its host: what was being made ready counts as ready, because code that is on disk is compiled when it is
    /// first invoked. No record if nothing was.
    pub(super) fn interrupted(&self, stamps: &dyn Stamps) -> Option<Self> {
        let id = self.preparation.as_ref()?.id;
        self.prepared(id, Ok(()), stamps)
    }

    /// After the preparation `id`; no record if that is over, or another one is on.
    fn prepared(&self, id: PreparationId, outcome: Result<(), StateReason>, stamps: &dyn Stamps) -> Option<Self> {
        let preparation = self.preparation.as_ref().filter(|preparation| preparation.id == id)?;
        let (state, last_update) = match &outcome {
            Ok(()) => (FunctionState::Active, Some(LastUpdateStatus::Successful)),
            Err(reason) => (FunctionState::Failed(reason.clone()), None),
        };
        let latest = match (&preparation.next, outcome) {
            (Some(becoming), Ok(())) => becoming.in_state(state.clone(), last_update.clone()),
            // What was there before stays, in the state that it had.
            (Some(_), Err(reason)) => {
                let before = self.latest.configuration.state.clone();
                self.latest.in_state(before, Some(LastUpdateStatus::Failed(reason)))
            }
            (None, _) => self.latest.in_state(state.clone(), last_update.clone()),
        };
        let mut next = Self { preparation: None, latest: Arc::new(latest), ..self.clone() };
        if let Some(number) = preparation.version
            && let Some(version) = Arc::make_mut(&mut next.versions).get_mut(&number)
        {
            *version = Arc::new(version.in_state(state, last_update));
            next = next.with_new_revision(&Qualifier::Version(number), stamps);
        }
        Some(next.with_new_revision(&Qualifier::Latest, stamps))
    }
}

impl<X: Clone> FunctionVersion<X> {
    /// The same version in another state.
    fn in_state(&self, state: FunctionState, last_update: Option<LastUpdateStatus>) -> Self {
        let configuration = FunctionConfiguration::clone(&self.configuration);
        self.reconfigured(FunctionConfiguration { state, last_update, ..configuration })
    }
}
