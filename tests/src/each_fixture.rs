//! For each fixture of `fixtures/rust` the test that uses it, under the fixture's name. Each test runs its guest as a core
//! module and as a component. (Those of `fixtures/wat` are used by `hostile`, all of them by one test.)

pub(crate) use crate::code::{
    connect as connect_component, connect as connect_core, open_files as open_files_component,
    open_files as open_files_core, read_file as read_file_component, read_file as read_file_core,
    write_file as write_file_component, write_file as write_file_core,
};
pub(crate) use crate::examples::{embed as greet_component, embed as greet_core};
pub(crate) use crate::guest_sdk::{
    ad_hoc_error as error_adhoc_component, ad_hoc_error as error_adhoc_core, big_response as big_response_component,
    big_response as big_response_core, command as command_upper_component, command as command_upper_core,
    deep_trap as trap_deep_component, deep_trap as trap_deep_core, echo as echo_component, echo as echo_core,
    endless_recursion as recurse_component, endless_recursion as recurse_core, env as env_component, env as env_core,
    exit as exit_component, exit as exit_core, host_calls as host_call_component, host_calls as host_call_core,
    log_lines as log_lines_component, log_lines as log_lines_core, memory as allocate_component,
    memory as allocate_core, panic as panics_component, panic as panics_core, random as random_component,
    random as random_core, refused_memory as allocate_checked_component, refused_memory as allocate_checked_core,
    sleep_and_spin as sleep_component, sleep_and_spin as sleep_core, sleep_and_spin as spin_component,
    sleep_and_spin as spin_core, thumbnail as thumbnail_component, thumbnail as thumbnail_core,
    typed_error as error_typed_component, typed_error as error_typed_core,
};
pub(crate) use crate::invoke::{context as context_component, context as context_core};

fixture_artifacts::assert_each_rust_fixture_is_used!(crate::each_fixture);
