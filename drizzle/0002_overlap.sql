CREATE TABLE "vagus"."leases" (
	"incarnation" text COLLATE "C" PRIMARY KEY NOT NULL,
	"node" text NOT NULL,
	"beats" bigint DEFAULT 0 NOT NULL,
	"dead_at" timestamp (3) with time zone,
	"speaks" smallint[] DEFAULT '{1,1}' NOT NULL,
	"heard" boolean DEFAULT true NOT NULL
);
--> statement-breakpoint
CREATE INDEX "messages_by_time" ON "vagus"."messages" USING brin ("stored_at") WITH (autosummarize=true);--> statement-breakpoint
-- By hand: room on the page for the next beat, so that it is an update in place.
ALTER TABLE "vagus"."leases" SET (fillfactor = 50);
