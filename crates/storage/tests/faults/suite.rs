//! The suite of all stores, run on the embedded store on a simulated disk.

use claviger_storage::conformance::Subject;
use claviger_storage::{ChangeLogLimits, EmbeddedStore, Fault, Store};

use crate::disk::{Disk, Faults};

struct Embedded {
    store: EmbeddedStore,
    disk: Disk,
}

impl Subject for Embedded {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn fail_next(&self, fault: Fault) {
        let next = Some((self.disk.operations(), 1));
        let faults = match fault {
            Fault::Failed => Faults { operations: next, ..Faults::default() },
            Fault::UnknownLost => Faults { operations: next, unopenable: true, ..Faults::default() },
            Fault::UnknownWritten => Faults { syncs_deny: true, unopenable: true, ..Faults::default() },
        };
        self.disk.set_faults(faults);
    }

    fn mend(&self) {
        self.disk.set_faults(Faults::default());
    }
}

claviger_storage::conformance!(|limits: ChangeLogLimits| {
    let disk = Disk::new(Vec::new());
    let store = EmbeddedStore::create_on(disk.medium(), limits).expect("an empty disk");
    Box::new(Embedded { store, disk }) as Box<dyn Subject>
});
