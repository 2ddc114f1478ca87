CREATE TABLE "vagus"."view" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"version" bigint NOT NULL,
	"stamp" uuid NOT NULL,
	"nodes" text[] NOT NULL,
	"shards" smallint[] NOT NULL,
	CONSTRAINT "view_is_only" CHECK ("vagus"."view"."is_only")
);
--> statement-breakpoint
ALTER TABLE "vagus"."leases" ADD COLUMN "takes_homes" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- By hand: the row stays whole on its page. Reading one shard would otherwise mean to unpack all of them.
ALTER TABLE "vagus"."view" SET (toast_tuple_target = 8160);
--> statement-breakpoint
-- By hand: which of these shards the view names a living process for (D7). A volatile function sees what others have
-- committed since its caller began. A claim passes how many rows it has locked, so that it has the locks before the call.
CREATE FUNCTION "vagus"."placed_1"("who" text, "wanted" smallint[], "locked" bigint) RETURNS boolean[]
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
declare
  place integer;
  held smallint[];
begin
  select array_position(v.nodes, who) - 1, v.shards into place, held from vagus.view v
  where v.is_only and exists (select from vagus.leases l where l.incarnation = who and l.dead_at is null);
  return array(
    select coalesce(held[t.shard + 1] = place, false) from unnest(wanted) with ordinality as t (shard, ord) order by t.ord
  );
end $$;
