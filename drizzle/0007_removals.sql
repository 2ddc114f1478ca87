CREATE TABLE "vagus"."removals" (
	"number" bigint PRIMARY KEY NOT NULL,
	"room" text COLLATE "C" NOT NULL,
	"user" text COLLATE "C",
	"why" text NOT NULL,
	"until" timestamp (3) with time zone,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "removals_by_room_and_user" ON "vagus"."removals" USING btree ("room","user");--> statement-breakpoint
CREATE INDEX "removals_by_time" ON "vagus"."removals" USING btree ("at");