//! How deep the types of a component are nested, found without recursion.
//!
//! wasmparser reads a type inside a type by calling itself, and looks at the depth only afterwards: three bytes of input
//! cost a stack frame, so a small file could overflow the stack, which ends the whole process.

use super::refusal::{CodeLimit, CodeRefusal};
use wasmparser::{BinaryReader, ComponentType, ComponentTypeDeclaration};

const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;
const TYPE_DECLARATION: u8 = 0x01;

/// Checks a component's type section before wasmparser reads it. Returns how many types it holds, nested ones included.
pub(super) fn check(mut reader: BinaryReader<'_>, nesting_max: u64) -> Result<u64, CodeRefusal> {
    let mut types = 0;
    // Declarations that are still to come, for each open type.
    let mut open: Vec<u32> = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        read_type(&mut reader, &mut open, nesting_max)?;
        types += 1;
        while let Some(left) = open.last_mut() {
            if *left == 0 {
                open.pop();
                continue;
            }
            *left -= 1;
            if peek(&reader)? == TYPE_DECLARATION {
                reader.read_u8()?;
                read_type(&mut reader, &mut open, nesting_max)?;
                types += 1;
            } else {
                // All but nested types are flat. An import in an instance type is an error that validation finds.
                reader.read::<ComponentTypeDeclaration<'_>>()?;
            }
        }
    }
    Ok(types)
}

/// Reads a flat type, or the beginning of one with declarations in it.
fn read_type(reader: &mut BinaryReader<'_>, open: &mut Vec<u32>, nesting_max: u64) -> Result<(), CodeRefusal> {
    if matches!(peek(reader)?, COMPONENT_TYPE | INSTANCE_TYPE) {
        reader.read_u8()?;
        open.push(reader.read_var_u32()?);
        return CodeLimit::Nesting.check(open.len() as u64, nesting_max);
    }
    reader.read::<ComponentType<'_>>()?;
    Ok(())
}

fn peek(reader: &BinaryReader<'_>) -> Result<u8, CodeRefusal> {
    Ok(reader.clone().read_u8()?)
}
