CREATE TABLE "vagus"."counters" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL,
	"value" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "vagus"."revocations" ADD COLUMN "number" bigint;--> statement-breakpoint
CREATE INDEX "revocations_by_number" ON "vagus"."revocations" USING btree ("number");