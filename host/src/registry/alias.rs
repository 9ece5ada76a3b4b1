//! Aliases: the operations, and how a [`FunctionRecord`]'s change.

use std::{collections::BTreeMap, sync::Arc};

use super::{Registry, Stamps, record::FunctionRecord};
use crate::{
    error::{
        Constraint, CreateAliasError, DeleteAliasError, GetAliasError, InvalidParameterValue, PreconditionFailed,
        ReferenceError, ResourceConflict, ResourceNotFound, UpdateAliasError, ValidationError, Validator,
    },
    function::{
        AliasConfiguration, AliasName, AliasRouting, FunctionArn, FunctionName, Operation, Qualifier, RevisionId,
        Version, VersionNumber, validate_description,
    },
    limits::{ALIAS_ADDITIONAL_VERSIONS_MAX, FUNCTION_VERSION_CHARS_MAX},
};

/// `CreateAlias`'s arguments.
#[derive(Clone, Debug)]
pub(crate) struct CreateAlias {
    /// The alias's name.
    pub(crate) name: AliasName,
    /// The version that calls go to.
    pub(crate) function_version: Version,
    /// At most 256 characters. Default: empty.
    pub(crate) description: Option<String>,
    /// AWS's `RoutingConfig.AdditionalVersionWeights`: at most one version number, with its share of the calls, 0 to 1.
    pub(crate) additional_version_weights: BTreeMap<String, f64>,
}

impl CreateAlias {
    /// An alias `name` of `function_version`, without description or second version.
    pub(crate) fn new(name: AliasName, function_version: Version) -> Self {
        Self { name, function_version, description: None, additional_version_weights: BTreeMap::new() }
    }

    pub(super) fn validate(&self) -> Result<(), ValidationError> {
        validate(self.description.as_deref(), Some(&self.additional_version_weights))
    }
}

/// `UpdateAlias`'s arguments: members that are `None` keep their value.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateAlias {
    /// The version that calls go to.
    pub(crate) function_version: Option<Version>,
    /// At most 256 characters.
    pub(crate) description: Option<String>,
    /// As in [`CreateAlias`]; an empty map takes the second version away.
    pub(crate) additional_version_weights: Option<BTreeMap<String, f64>>,
    /// Update only if this is the alias's revision.
    pub(crate) revision_id: Option<String>,
}

impl UpdateAlias {
    pub(super) fn validate(&self) -> Result<(), ValidationError> {
        validate(self.description.as_deref(), self.additional_version_weights.as_ref())
    }
}

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// `CreateAlias`.
    ///
    /// # Errors
    ///
    /// Description or weights out of range, no such function or version, a name that is taken, too many aliases.
    pub(crate) fn create_alias(
        &self,
        name: &FunctionName,
        request: CreateAlias,
    ) -> Result<Arc<AliasConfiguration>, CreateAliasError> {
        request.validate()?;
        let version = Qualifier::from(request.function_version);
        let not_found = || self.not_found(Operation::CreateAlias, name, Some(&version));
        self.change(name, not_found, |record| {
            let aliases_max = self.limits().aliases_per_function_max;
            let (next, alias) = record.with_new_alias(request, aliases_max, &*self.stamps)?;
            Ok((Some(next), alias))
        })
    }

    /// `GetAlias`.
    ///
    /// # Errors
    ///
    /// No such alias.
    pub(crate) fn get_alias(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Arc<AliasConfiguration>, GetAliasError> {
        let found = self.record(name).and_then(|record| record.aliases.get(alias).cloned());
        found.ok_or_else(|| {
            let arn = self.base.function(name, Some(&Qualifier::Alias(alias.clone())));
            ResourceNotFound::AliasArn { arn }.into()
        })
    }

    /// `UpdateAlias`: replaces the given members.
    ///
    /// # Errors
    ///
    /// Description or weights out of range, no such alias or version, another revision.
    pub(crate) fn update_alias(
        &self,
        name: &FunctionName,
        alias: &AliasName,
        request: UpdateAlias,
    ) -> Result<Arc<AliasConfiguration>, UpdateAliasError> {
        request.validate()?;
        let not_found =
            || ResourceNotFound::Alias { arn: self.base.function(name, Some(&Qualifier::Alias(alias.clone()))) };
        self.change(name, not_found, |record| {
            let (next, alias) = record.with_changed_alias(alias, request, &*self.stamps)?;
            Ok((Some(next), alias))
        })
    }

    /// `DeleteAlias`. An alias that does not exist is no error, as in AWS.
    ///
    /// # Errors
    ///
    /// No such function.
    pub(crate) fn delete_alias(&self, name: &FunctionName, alias: &AliasName) -> Result<(), DeleteAliasError> {
        let not_found = || self.not_found(Operation::DeleteAlias, name, None);
        self.change(name, not_found, |record| Ok((record.without_alias(alias), ())))
    }
}

impl<X: Clone> FunctionRecord<X> {
    pub(super) fn alias_arn(&self, name: &AliasName) -> FunctionArn {
        self.arn().with_qualifier(Some(Qualifier::Alias(name.clone())))
    }

    /// With a new alias.
    pub(super) fn with_new_alias(
        &self,
        request: CreateAlias,
        aliases_max: usize,
        stamps: &dyn Stamps,
    ) -> Result<(Self, Arc<AliasConfiguration>), CreateAliasError> {
        self.check_exists(request.function_version)?;
        let alias_arn = self.alias_arn(&request.name);
        if self.aliases.contains_key(&request.name) {
            return Err(ResourceConflict::Alias { arn: alias_arn }.into());
        }
        if self.aliases.len() >= aliases_max {
            return Err(InvalidParameterValue::TooManyAliases { max: aliases_max }.into());
        }
        let routing = self.routing(&request.additional_version_weights, request.function_version)?;
        Ok(self.with_alias(AliasConfiguration {
            alias_arn,
            name: request.name,
            function_version: request.function_version,
            description: request.description.unwrap_or_default(),
            routing,
            revision_id: RevisionId::new(stamps.new_id()),
        }))
    }

    /// With an alias changed.
    pub(super) fn with_changed_alias(
        &self,
        name: &AliasName,
        request: UpdateAlias,
        stamps: &dyn Stamps,
    ) -> Result<(Self, Arc<AliasConfiguration>), UpdateAliasError> {
        let Some(alias) = self.aliases.get(name) else {
            return Err(ResourceNotFound::Alias { arn: self.alias_arn(name) }.into());
        };
        PreconditionFailed::check(request.revision_id.as_deref(), alias.revision_id)?;
        let function_version = request.function_version.unwrap_or(alias.function_version);
        self.check_exists(function_version)?;
        let routing = match request.additional_version_weights {
            Some(weights) => self.routing(&weights, function_version)?,
            // What stays has to fit the new primary version.
            None => check_routing(alias.routing, function_version)?,
        };
        Ok(self.with_alias(AliasConfiguration {
            function_version,
            description: request.description.unwrap_or_else(|| alias.description.clone()),
            routing,
            revision_id: RevisionId::new(stamps.new_id()),
            ..AliasConfiguration::clone(alias)
        }))
    }

    /// Without an alias, or no record if there is none.
    pub(super) fn without_alias(&self, name: &AliasName) -> Option<Self> {
        self.aliases.contains_key(name).then(|| {
            let mut next = self.clone();
            Arc::make_mut(&mut next.aliases).remove(name);
            next.detach(&Qualifier::Alias(name.clone()));
            next
        })
    }

    fn with_alias(&self, alias: AliasConfiguration) -> (Self, Arc<AliasConfiguration>) {
        let alias = Arc::new(alias);
        let mut next = self.clone();
        Arc::make_mut(&mut next.aliases).insert(alias.name.clone(), Arc::clone(&alias));
        (next, alias)
    }

    fn check_exists(&self, version: Version) -> Result<(), ResourceNotFound> {
        self.version(version).map(drop).ok_or_else(|| self.unknown_version(&version.to_string()))
    }

    fn unknown_version(&self, version: &str) -> ResourceNotFound {
        let arn = self.arn();
        ResourceNotFound::Function { arn: arn.base().function_text(arn.name().as_str(), Some(version)) }
    }

    /// The second version that `weights`, which have been validated, ask for.
    fn routing(
        &self,
        weights: &BTreeMap<String, f64>,
        primary: Version,
    ) -> Result<Option<AliasRouting>, ReferenceError> {
        let max = ALIAS_ADDITIONAL_VERSIONS_MAX;
        if weights.len() > max {
            return Err(InvalidParameterValue::TooManyVersionWeights { max }.into());
        }
        let Some((key, &weight)) = weights.first_key_value() else {
            return Ok(None);
        };
        let number = key.parse::<VersionNumber>().ok();
        let routing = number.map(|version| AliasRouting { version, weight });
        let routing = check_routing(routing, primary)?;
        match routing {
            Some(routing) if self.versions.contains_key(&routing.version) => Ok(Some(routing)),
            _ => Err(self.unknown_version(key).into()),
        }
    }
}

/// Whether `primary` can share its calls as `routing` says.
fn check_routing(
    routing: Option<AliasRouting>,
    primary: Version,
) -> Result<Option<AliasRouting>, InvalidParameterValue> {
    match (routing, primary) {
        (Some(_), Version::Latest) => Err(InvalidParameterValue::LatestWithVersionWeights),
        (Some(AliasRouting { version, .. }), Version::Number(number)) if version == number => {
            Err(InvalidParameterValue::VersionAlreadyRouted { version })
        }
        _ => Ok(routing),
    }
}

fn validate(description: Option<&str>, weights: Option<&BTreeMap<String, f64>>) -> Result<(), ValidationError> {
    const FIELD: &str = "routingConfig.additionalVersionWeights";
    let mut validator = Validator::new();
    validator.absorb(validate_description(description));
    if let Some(weights) = weights {
        let shown = || {
            let pairs: Vec<_> = weights.iter().map(|(key, weight)| format!("{key}={weight:?}")).collect();
            format!("{{{}}}", pairs.join(", "))
        };
        let key_is_fine = |key: &String| {
            (1..=FUNCTION_VERSION_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !weights.keys().all(key_is_fine) {
            let constraints = vec![
                Constraint::LengthMax(FUNCTION_VERSION_CHARS_MAX),
                Constraint::LengthMin(1),
                Constraint::Pattern("[0-9]+"),
            ];
            validator.refuse(FIELD, shown(), Constraint::MapKeys(constraints));
        }
        if !weights.values().all(|weight| (0.0..=1.0).contains(weight)) {
            let constraints = vec![Constraint::MaxFraction(1.0), Constraint::MinFraction(0.0), Constraint::NotNull];
            validator.refuse(FIELD, shown(), Constraint::MapValues(constraints));
        }
    }
    validator.finish()
}
