#!/usr/bin/env bash
# PostgreSQL keeps no plan of a prepared statement that joins unnest() of a short array parameter: with the default
# plan_cache_mode it plans the statement anew at every run. The plan for all values assumes ten elements where it cannot see
# the array, so it always looks dearer than one for the single element that each run brings. The same lookup by a plain
# parameter is planned five times and then kept. So programs that send batches of any size through one statement plan the
# small ones, which are most, at every run. plan_cache_mode = force_generic_plan ends that.
# Seen with @electric-sql/pglite 0.5.8 (PostgreSQL 18) on Node.js 20.20.2; PostgreSQL 15.18 counts alike:
#   by default: batch 0 generic 50 custom, one 45 generic 5 custom; forced: batch 50 generic 0 custom
# Needs npm. Fails when any of that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @electric-sql/pglite@0.5.8 >/dev/null
cat >plans.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
const db = await PGlite.create();
const batch = 'prepare batch (text[]) as select t.v from unnest($1) as x (k) join t on t.k = x.k;';
const counts = async () => {
  const { rows } = await db.query('select name, generic_plans g, custom_plans c from pg_prepared_statements order by name');
  return rows.map(({ name, g, c }) => `${name} ${g} generic ${c} custom`).join(', ');
};
await db.exec(`create table t (k text primary key, v int);
  insert into t select 'k' || g, g from generate_series(1, 1000) g; analyze t;
  ${batch} prepare one (text) as select v from t where k = $1;`);
for (let n = 1; n <= 50; n++) await db.exec(`execute batch ('{k${n}}'); execute one ('k${n}')`);
const standard = await counts();
await db.exec(`deallocate all; set plan_cache_mode = force_generic_plan; ${batch}`);
for (let n = 1; n <= 50; n++) await db.exec(`execute batch ('{k${n}}')`);
console.log(`by default: ${standard}; forced: ${await counts()}`);
await db.close();
JS
said=$(node plans.mjs)
expected='by default: batch 0 generic 50 custom, one 45 generic 5 custom; forced: batch 50 generic 0 custom'
echo "$said"
[ "$said" = "$expected" ] || { echo "CHANGED: expected" && echo "$expected" && exit 1; }
echo "as described"
