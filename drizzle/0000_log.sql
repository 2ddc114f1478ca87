CREATE SCHEMA IF NOT EXISTS "vagus";
--> statement-breakpoint
CREATE TABLE "vagus"."channels" (
	"channel" text COLLATE "C" PRIMARY KEY NOT NULL,
	"epoch" bigint NOT NULL,
	"owner" text NOT NULL,
	"head" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vagus"."members" (
	"room" text COLLATE "C" NOT NULL,
	"user" text COLLATE "C" NOT NULL,
	"added_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "members_room_user_pk" PRIMARY KEY("room","user")
);
--> statement-breakpoint
CREATE TABLE "vagus"."messages" (
	"channel" text COLLATE "C" NOT NULL,
	"seq" bigint NOT NULL,
	"epoch" bigint NOT NULL,
	"sender" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"content" text NOT NULL,
	"data" text,
	"sent_at" timestamp (3) with time zone,
	"stored_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "messages_channel_seq_pk" PRIMARY KEY("channel","seq"),
	CONSTRAINT "messages_once" UNIQUE("channel","sender","id")
);
--> statement-breakpoint
CREATE TABLE "vagus"."meta" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"log" uuid DEFAULT gen_random_uuid() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "meta_is_only" CHECK ("vagus"."meta"."is_only")
);
--> statement-breakpoint
CREATE TABLE "vagus"."revocations" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"user" text COLLATE "C",
	"session" text COLLATE "C",
	"issued_by" bigint NOT NULL,
	"until" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vagus"."rooms" (
	"room" text COLLATE "C" PRIMARY KEY NOT NULL,
	"access" text NOT NULL,
	"metadata" text DEFAULT '{}' NOT NULL,
	"creator" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "rooms_access" CHECK ("vagus"."rooms"."access" in ('public', 'private'))
);
--> statement-breakpoint
CREATE INDEX "members_by_user" ON "vagus"."members" USING btree ("user");--> statement-breakpoint
CREATE INDEX "revocations_by_session" ON "vagus"."revocations" USING btree ("session");--> statement-breakpoint
CREATE INDEX "revocations_by_user" ON "vagus"."revocations" USING btree ("user");--> statement-breakpoint
-- By hand: the database's own name, and room on the page for the heads, which change with every append.
INSERT INTO "vagus"."meta" DEFAULT VALUES;
--> statement-breakpoint
ALTER TABLE "vagus"."channels" SET (fillfactor = 50);
