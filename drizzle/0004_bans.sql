CREATE TABLE "vagus"."bans" (
	"room" text COLLATE "C" NOT NULL,
	"user" text COLLATE "C" NOT NULL,
	"until" timestamp (3) with time zone,
	CONSTRAINT "bans_room_user_pk" PRIMARY KEY("room","user")
);
--> statement-breakpoint
ALTER TABLE "vagus"."members" ADD COLUMN "is_invited" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "members_joined" ON "vagus"."members" USING btree ("user","room") WHERE not "vagus"."members"."is_invited";