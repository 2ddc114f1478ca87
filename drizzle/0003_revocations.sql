ALTER TABLE "vagus"."revocations" ADD COLUMN "revoked_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "vagus"."revocations" ADD COLUMN "issued_before" double precision;--> statement-breakpoint
CREATE INDEX "revocations_by_until" ON "vagus"."revocations" USING btree ("until");