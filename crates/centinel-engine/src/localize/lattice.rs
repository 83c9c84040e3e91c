//! Every combination of dimension values that some leaf has.

/// Longest lists of cells that are kept: leaves times combinations of dimensions.
const ENTRIES_MAX: usize = 100_000_000;

/// The cells of one combination of dimensions.
#[derive(Debug)]
pub(super) struct Cuboid {
    /// Positions of its dimensions, ascending.
    pub(super) dimensions: Vec<usize>,
    /// Cell of each leaf.
    pub(super) cell_of: Vec<u32>,
    /// Leaves of each cell.
    pub(super) leaves: Vec<u32>,
    /// First leaf of each cell.
    pub(super) first: Vec<u32>,
    /// Position of the cuboid with one dimension more that has the fewest cells.
    pub(super) finer: Option<usize>,
    /// Leaves by cell: those of a cell stand together, in the order of leaves.
    sorted: Vec<u32>,
    /// Where each cell's leaves end in `sorted`; empty until asked for.
    ends: Vec<u32>,
    /// Nats that it takes to name one of its cells.
    pub(super) name_cost: f64,
    /// Cells that some dimension has no value for; empty where all have.
    nameless: Vec<bool>,
}

impl Cuboid {
    /// Notes the cells whose leaves lack the value of a dimension: `nameless` has the code that stands
    /// for none, by dimension.
    pub(super) fn note_nameless(&mut self, codes: &[Vec<u32>], nameless: &[Option<u32>]) {
        let lacks = |leaf: &u32, dimension: &usize| {
            let none = nameless.get(*dimension).copied().flatten();
            let own = codes.get(*dimension).and_then(|codes| codes.get(*leaf as usize));
            none.is_some() && none == own.copied()
        };
        let cells = self.first.iter();
        self.nameless =
            cells.map(|leaf| self.dimensions.iter().any(|own| lacks(leaf, own))).collect();
    }

    /// Whether a cell has no name.
    pub(super) fn is_nameless(&self, cell: usize) -> bool {
        self.nameless.get(cell).copied().unwrap_or(false)
    }

    /// The leaves of a cell.
    pub(super) fn members(&mut self, cell: usize) -> &[u32] {
        if self.ends.is_empty() {
            self.index();
        }
        let end = self.ends.get(cell).copied().unwrap_or(0);
        let start = end.saturating_sub(self.leaves.get(cell).copied().unwrap_or(0));
        self.sorted.get(start as usize..end as usize).unwrap_or_default()
    }

    fn index(&mut self) {
        let mut next: Vec<u32> = self
            .leaves
            .iter()
            .scan(0_u32, |sum, count| {
                let start = *sum;
                *sum = sum.saturating_add(*count);
                Some(start)
            })
            .collect();
        self.sorted = vec![0; self.cell_of.len()];
        for (leaf, cell) in (0_u32..).zip(&self.cell_of) {
            let Some(next) = next.get_mut(*cell as usize) else { continue };
            if let Some(slot) = self.sorted.get_mut(*next as usize) {
                *slot = leaf;
            }
            *next = next.saturating_add(1);
        }
        self.ends = next;
    }
}

/// The cuboids over `codes` (one list a dimension, one code a leaf) by number of dimensions, starting
/// with that of none, whose one cell is everything. Combinations of more than `depth_max` dimensions,
/// and those that memory does not hold, are left out; so is any that splits leaves no finer than one
/// with fewer dimensions does.
pub(super) fn cuboids(codes: &[Vec<u32>], leaf_count: usize, depth_max: usize) -> Vec<Cuboid> {
    let useful: Vec<(usize, &[u32], u64)> = codes
        .iter()
        .enumerate()
        .map(|(dimension, codes)| {
            (
                dimension,
                codes.as_slice(),
                codes.iter().max().map_or(0, |max| u64::from(*max).saturating_add(1)),
            )
        })
        .filter(|(.., size)| *size > 1)
        .collect();
    let everything = Cuboid {
        dimensions: Vec::new(),
        cell_of: vec![0; leaf_count],
        leaves: vec![u32::try_from(leaf_count).unwrap_or(u32::MAX)],
        first: vec![0],
        finer: None,
        sorted: Vec::new(),
        ends: Vec::new(),
        name_cost: 0.0,
        nameless: Vec::new(),
    };
    let mut all = vec![everything];
    let mut level = 0..1;
    for depth in 1..=depth_max.min(useful.len()) {
        let entries = all.len().saturating_add(combinations(useful.len(), depth));
        if depth > 1 && entries.saturating_mul(leaf_count) > ENTRIES_MAX {
            break;
        }
        let mut found = Vec::new();
        for parent in all.get(level.clone()).unwrap_or_default() {
            for (dimension, codes, size) in &useful {
                if parent.dimensions.last().is_none_or(|last| last < dimension) {
                    found.push(refine(parent, *dimension, codes, *size));
                }
            }
        }
        level = all.len()..all.len().saturating_add(found.len());
        all.append(&mut found);
    }
    for index in 0..all.len() {
        let finer = all.get(index).map(|cuboid| coarsest_split(cuboid, &all));
        if let (Some(finer), Some(cuboid)) = (finer, all.get_mut(index)) {
            cuboid.finer = finer;
        }
    }
    let cuboid_cost = float(all.len()).ln();
    for cuboid in &mut all {
        cuboid.name_cost = cuboid_cost + float(cuboid.leaves.len()).ln();
    }
    all
}

/// The cuboid that splits this one by one more dimension into the fewest cells.
fn coarsest_split(of: &Cuboid, all: &[Cuboid]) -> Option<usize> {
    let depth = of.dimensions.len().saturating_add(1);
    all.iter()
        .enumerate()
        .filter(|(_, other)| {
            other.dimensions.len() == depth
                && of.dimensions.iter().all(|dimension| other.dimensions.contains(dimension))
        })
        .min_by_key(|(_, other)| other.leaves.len())
        .map(|(index, _)| index)
}

/// Splits the cells of a cuboid by one more dimension.
fn refine(parent: &Cuboid, dimension: usize, codes: &[u32], size: u64) -> Cuboid {
    const NONE: u32 = u32::MAX;
    let keys =
        parent.cell_of.iter().zip(codes).map(|(cell, code)| {
            u64::from(*cell).saturating_mul(size).saturating_add(u64::from(*code))
        });
    let bound = (parent.leaves.len() as u64).saturating_mul(size);
    let mut cells = Cells {
        leaves: Vec::new(),
        first: Vec::new(),
        cell_of: Vec::with_capacity(parent.cell_of.len()),
    };
    // A table of all keys where it is no longer than a few times the leaves; else the keys sorted.
    match usize::try_from(bound) {
        Ok(bound) if bound <= parent.cell_of.len().saturating_mul(8) => {
            let mut known = vec![NONE; bound];
            for key in keys {
                let Some(cell) = usize::try_from(key).ok().and_then(|key| known.get_mut(key))
                else {
                    continue;
                };
                if *cell == NONE {
                    *cell = u32::try_from(cells.leaves.len()).unwrap_or(NONE);
                }
                cells.add(*cell);
            }
        }
        _ => {
            let mut distinct: Vec<u64> = keys.clone().collect();
            distinct.sort_unstable();
            distinct.dedup();
            let mut known = vec![NONE; distinct.len()];
            for key in keys {
                let Some(cell) = known.get_mut(distinct.partition_point(|other| *other < key))
                else {
                    continue;
                };
                if *cell == NONE {
                    *cell = u32::try_from(cells.leaves.len()).unwrap_or(NONE);
                }
                cells.add(*cell);
            }
        }
    }
    let mut dimensions = parent.dimensions.clone();
    dimensions.push(dimension);
    let Cells { leaves, first, cell_of } = cells;
    Cuboid {
        dimensions,
        cell_of,
        leaves,
        first,
        finer: None,
        sorted: Vec::new(),
        ends: Vec::new(),
        name_cost: 0.0,
        nameless: Vec::new(),
    }
}

/// Cells as leaves come.
struct Cells {
    leaves: Vec<u32>,
    first: Vec<u32>,
    cell_of: Vec<u32>,
}

impl Cells {
    /// Puts the next leaf into a cell that is known, or is the next new one.
    fn add(&mut self, cell: u32) {
        let leaf = u32::try_from(self.cell_of.len()).unwrap_or(u32::MAX);
        match self.leaves.get_mut(cell as usize) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.leaves.push(1);
                self.first.push(leaf);
            }
        }
        self.cell_of.push(cell);
    }
}

fn combinations(of: usize, taken: usize) -> usize {
    (0..taken).fold(1_usize, |product, index| {
        product
            .saturating_mul(of.saturating_sub(index))
            .checked_div(index.saturating_add(1))
            .unwrap_or(usize::MAX)
    })
}

/// A count for statistics.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}
