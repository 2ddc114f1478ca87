DROP INDEX "vagus"."members_by_user";--> statement-breakpoint
CREATE INDEX "members_by_user_and_room" ON "vagus"."members" USING btree ("user","room");--> statement-breakpoint
CREATE INDEX "rooms_listed" ON "vagus"."rooms" USING btree ("access","room") WHERE "vagus"."rooms"."deleted_at" is null;