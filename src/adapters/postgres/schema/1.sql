-- Schema 1 of kmend's state. Bodies, plans and settings are texts that kmend wrote: no function here
-- looks into them. Times are milliseconds since 1970.

create table meta (
  schema integer not null
);
insert into meta values (1);

-- A process that uses the database. It lives as long as one session holds its advisory lock.
create table holder (
  id integer generated always as identity primary key,
  kind text not null check (kind in ('command', 'worker')),
  about text not null,
  pid integer not null,
  -- a worker's own words: what it can do, and why it does not carry a run on
  says text,
  -- since when its session is unbroken
  since timestamptz not null
);

create table run (
  run text primary key,
  seq integer not null default 0,
  head text not null,
  size bigint not null default 0,
  -- time of its first entry, or of its row where it has none
  started bigint not null default floor(extract(epoch from clock_timestamp()) * 1000),
  -- a journal was begun, perhaps without an entry
  begun boolean not null default false,
  -- grows with each leader: an older one may append nothing
  epoch integer not null default 0,
  -- number of the newest controller, as hosts compare it
  number integer not null default 0,
  leader integer references holder,
  -- a worker may carry it on
  open boolean not null default false,
  -- when it is over, a worker carries out its rest: later plays of its plan, rollbacks
  rest boolean not null default false,
  info text
);

-- Runs are removed at once, and their events and outputs bit by bit after that (`gone`).
create table event (
  run text not null,
  seq integer not null,
  batch uuid not null,
  line text not null,
  primary key (run, seq)
);

-- Pieces of a batch that is too long for one statement, until it is appended.
create table part (
  batch uuid not null,
  at integer not null,
  holder integer not null,
  data bytea not null,
  primary key (batch, at)
);

-- A host of a run: no other run works on it.
create table host_lock (
  address text primary key,
  run text not null references run
);
create index on host_lock (run);

create table slot (
  name text primary key,
  run text not null,
  body text not null
);

create table command (
  at bigint generated always as identity primary key,
  -- made by the process that leaves it, so that a repeated statement leaves one
  id uuid not null unique,
  run text not null references run,
  body text not null
);
create index on command (run);

create table run_file (
  run text not null references run,
  file text not null,
  body text not null,
  primary key (run, file)
);

create table output (
  run text not null,
  file text not null,
  at bigint not null,
  data bytea not null,
  primary key (run, file, at)
);

-- Jobs, cgroup ids, last results of fleets, tokens.
create table document (
  kind text not null,
  name text not null,
  body text not null,
  primary key (kind, name)
);

create table pruned (
  id bigint generated always as identity primary key,
  record text not null
);

-- Runs that were removed, and may have left events and outputs.
create table gone (
  run text primary key
);

-- A turn of a job, by when it was due. Without a holder its rest is for any worker.
create table turn (
  job text not null,
  at bigint not null,
  holder integer,
  ended boolean not null default false,
  primary key (job, at)
);

-- A site of a run under way, and the version of kmend that its workers need.
create table run_site (
  run text not null references run,
  site text not null,
  version text not null,
  primary key (run, site)
);

-- Work for the workers of a site: on a host of a run, or the question of a process (then run is null).
create table errand (
  id bigint generated always as identity primary key,
  run text references run,
  host text not null default '',
  site text not null,
  kind text not null,
  version text not null,
  -- of a question: what is asked, and by whom
  request text,
  asker integer,
  -- the worker that has it, and the number of its steps on the host
  holder integer,
  number integer,
  -- boot ids of the machines that gave it back
  avoid text[] not null default '{}',
  -- why its worker must end it
  stop text,
  ended boolean not null default false,
  answer text,
  unique (run, host)
);
create index on errand (site) where not ended;

-- How long a session must have watched before it may call another one dead, and after how long
-- without a word the server ends a session.
create function patience() returns interval language sql immutable as $$ select interval '5 seconds' $$;

-- Has the server run for so long that the processes of before would be back?
create function has_settled() returns boolean
  language sql stable security definer set search_path = kmend, pg_temp as $$
  select pg_postmaster_start_time() < clock_timestamp() - patience()
$$;

create function is_alive(p_holder integer) returns boolean
  language sql stable security definer set search_path = kmend, pg_temp as $$
  select exists (
    select from pg_locks
    where locktype = 'advisory' and classid = 1801678702 and objid = p_holder::oid and objsubid = 2
      and granted and database = (select oid from pg_database where datname = current_database()))
$$;

-- Has the calling session watched long enough? Then a holder without its lock is dead, and it was not
-- the server that ended all sessions.
create function has_watched(p_holder integer) returns boolean
  language sql stable security definer set search_path = kmend, pg_temp as $$
  select exists (
    select from holder
    where id = p_holder and pid = pg_backend_pid() and since < clock_timestamp() - patience())
$$;

-- A holder is alive, not proven dead (null), or dead, as the session of p_me sees it.
create function judge(p_holder integer, p_me integer) returns boolean
  language sql stable security definer set search_path = kmend, pg_temp as $$
  select case
    when p_holder is null then false
    when is_alive(p_holder) then true
    when has_watched(p_me) then false
  end
$$;

-- Is there a worker that would carry on an open run?
create function any_worker() returns boolean
  language sql stable security definer set search_path = kmend, pg_temp as $$
  select exists (select from holder where kind = 'worker' and is_alive(id))
$$;

-- The session becomes that of a holder: a new one, or one whose earlier session ended (then null is
-- returned as long as the server has not noticed its end).
create function enter(p_id integer, p_kind text, p_about text) returns integer
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  v_id integer := p_id;
begin
  if v_id is null then
    delete from holder h where h.since < clock_timestamp() - interval '1 day' and not is_alive(h.id)
      and not exists (select from run where leader = h.id);
    insert into holder (kind, about, pid, since)
      values (p_kind, p_about, pg_backend_pid(), clock_timestamp()) returning id into v_id;
  end if;
  if not pg_try_advisory_lock(1801678702, v_id) then
    return null;
  end if;
  update holder set pid = pg_backend_pid(), since = clock_timestamp() where id = v_id;
  if not found then
    -- it was away for so long that its row was removed
    return enter(null, p_kind, p_about);
  end if;
  return v_id;
end $$;

-- Does the calling session lead the run?
create function leads(p_leader integer) returns boolean
  language sql stable security definer set search_path = kmend, pg_temp as $$
  select exists (select from holder where id = p_leader and pid = pg_backend_pid())
$$;

-- The process is a worker, and says this of itself.
create function say(p_me integer, p_says text) returns void
  language sql security definer set search_path = kmend, pg_temp as $$
  update holder set kind = 'worker', says = p_says where id = p_me and pid = pg_backend_pid()
$$;

-- Says whether a run that p_me leads has a rest.
create function say_rest(p_me integer, p_run text, p_rest boolean) returns void
  language sql security definer set search_path = kmend, pg_temp as $$
  update run set rest = p_rest where run = p_run and leader = p_me and leads(p_me)
$$;

-- Takes a run and its hosts for p_me. outcome: `held`; `busy` (p_other is alive, or a worker will
-- carry its run on); `watch` (p_other is not proven dead yet: ask again).
create function lead(
  p_me integer, p_run text, p_root text, p_hosts text[], p_takeover text,
  out outcome text, out other text, out by_about text, out new_epoch integer, out new_number integer
) language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  r record;
  v_alive boolean;
begin
  -- One at a time, so that two runs never each have half of the hosts.
  perform pg_advisory_xact_lock(1801678702, 0);
  insert into run (run, head) values (p_run, p_root) on conflict do nothing;
  for r in
    select x.run, x.leader, x.open, h.about from run x left join holder h on h.id = x.leader
    where x.run = p_run
      or x.run in (select l.run from host_lock l where l.address = any (p_hosts))
    order by x.run = p_run desc, x.run for update of x
  loop
    if r.run = p_run and r.leader = p_me then continue; end if;
    v_alive := judge(r.leader, p_me);
    if r.run is distinct from p_takeover then
      if v_alive or (r.run <> p_run and r.open and any_worker()) then
        outcome := 'busy'; other := r.run; by_about := r.about; return;
      end if;
      if v_alive is null then
        outcome := 'watch'; other := r.run; by_about := r.about; return;
      end if;
    end if;
    if r.run <> p_run then
      update run set leader = null, epoch = epoch + 1, open = false where run = r.run;
      delete from host_lock where run = r.run;
      delete from errand where run = r.run;
      delete from run_site where run = r.run;
    end if;
  end loop;
  update run set leader = p_me, epoch = epoch + 1, number = number + 1 where run = p_run
    returning epoch, number into new_epoch, new_number;
  delete from host_lock where run = p_run;
  insert into host_lock (address, run) select distinct unnest(p_hosts), p_run;
  outcome := 'held';
end $$;

-- Ends the lead of p_epoch. An open run keeps its hosts for the worker that carries it on.
create function release(p_run text, p_epoch integer) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  update run set leader = null where run = p_run and epoch = p_epoch;
  if found then
    if exists (select from run where run = p_run and not open) then
      delete from host_lock where run = p_run;
      delete from errand where run = p_run;
      delete from run_site where run = p_run;
    end if;
    -- a run that never began leaves nothing
    delete from run where run = p_run and not begun;
  end if;
  perform pg_notify('kmend', p_run);
end $$;

-- Begins the journal of a run; false where it has entries, or another process leads the run.
create function begin_journal(p_run text, p_epoch integer) returns boolean
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  update run set begun = true where run = p_run and epoch = p_epoch and seq = 0 and leads(leader);
  return found;
end $$;

-- Appends bodies to the journal of a run and returns every line from p_seen on; `own` are those of the
-- batch. A batch that is sent again is not appended again. With p_errand its worker appends, and
-- p_epoch is the number of the errand. With p_current nothing is appended after entries that the
-- caller has not seen.
-- KM001: another process leads the run, or has the errand. KM003: the database has lost the lead of
-- p_epoch, or entries that p_head stands for.
create function append(
  p_run text, p_epoch integer, p_errand bigint, p_seen integer, p_head text, p_batch uuid,
  p_bodies text[], p_info text, p_open boolean, p_current boolean
) returns table (seq integer, own boolean, line text)
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  r record;
  v_at bigint;
  v_line text;
  v_body text;
  v_head text;
begin
  select * into r from run x where x.run = p_run for update;
  if not found or (p_errand is null and r.epoch < p_epoch)
    or (p_errand is not null and r.number < p_epoch)
  then
    raise exception using errcode = 'KM003', message = 'run ' || p_run || ' is not there as it was';
  end if;
  -- Not by its epoch alone: where a lead was lost, the next one has the same.
  if p_errand is null and (r.epoch > p_epoch or not leads(r.leader)) then
    raise exception using errcode = 'KM001', message = 'another process leads run ' || p_run;
  end if;
  if p_errand is not null and not exists (
    select from errand e where e.id = p_errand and e.run = p_run and e.number = p_epoch
      and not e.ended and leads(e.holder))
  then
    raise exception using errcode = 'KM001', message = 'another worker works on this host of run ' || p_run;
  end if;
  if p_seen < r.seq then
    select encode(sha256(convert_to(e.line, 'UTF8')), 'hex') into v_head
      from event e where e.run = p_run and e.seq = p_seen - 1;
  end if;
  if p_seen > r.seq or (p_seen = r.seq and p_head <> r.head) or (p_seen > 0 and p_seen < r.seq and p_head is distinct from v_head) then
    raise exception using errcode = 'KM003', message = 'the journal of run ' || p_run || ' has lost entries';
  end if;
  if not (p_current and p_seen < r.seq)
    and not exists (select from event e where e.run = p_run and e.seq >= p_seen and e.batch = p_batch)
  then
    foreach v_body in array p_bodies loop
      v_at := floor(extract(epoch from clock_timestamp()) * 1000);
      v_line := '{"v":1,"seq":' || r.seq || ',"at":' || v_at || ',"run":"' || p_run || '","prev":"' || r.head || '",'
        || substr(v_body, 2);
      if r.seq = 0 then r.started := v_at; end if;
      insert into event (run, seq, batch, line) values (p_run, r.seq, p_batch, v_line);
      r.seq := r.seq + 1;
      r.size := r.size + octet_length(convert_to(v_line, 'UTF8')) + 1;
      r.head := encode(sha256(convert_to(v_line, 'UTF8')), 'hex');
    end loop;
    update run x set seq = r.seq, head = r.head, size = r.size, started = r.started, begun = true,
      info = coalesce(p_info, x.info), open = coalesce(p_open, x.open)
      where x.run = p_run;
    perform pg_notify('kmend', p_run);
  end if;
  return query
    select e.seq, e.batch = p_batch, e.line from event e where e.run = p_run and e.seq >= p_seen
    order by e.seq;
end $$;

-- Keeps a piece of a batch that `append_parts` will append.
create function keep_part(p_me integer, p_batch uuid, p_at integer, p_data bytea) returns void
  language sql security definer set search_path = kmend, pg_temp as $$
  insert into part (batch, at, holder, data) values (p_batch, p_at, p_me, p_data) on conflict do nothing
$$;

-- As `append`, with bodies from p_parts pieces, which are one text with a line for each body. Of the
-- lines of this batch only what stands before the body is returned.
create function append_parts(
  p_run text, p_epoch integer, p_errand bigint, p_seen integer, p_head text, p_batch uuid,
  p_parts integer, p_info text, p_open boolean, p_current boolean
) returns table (seq integer, own boolean, line text)
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  v_bodies text[];
begin
  select string_to_array(convert_from(string_agg(p.data, ''::bytea order by p.at), 'UTF8'), E'\n')
    into v_bodies from part p where p.batch = p_batch having count(*) = p_parts;
  if v_bodies is null
    and not exists (select from event e where e.run = p_run and e.seq >= p_seen and e.batch = p_batch)
  then
    raise exception using errcode = 'KM003', message = 'the journal of run ' || p_run || ' has lost entries';
  end if;
  delete from part p where p.batch = p_batch;
  perform append(
    p_run, p_epoch, p_errand, p_seen, p_head, p_batch, v_bodies, p_info, p_open, p_current);
  return query
    select e.seq, e.batch = p_batch, case when e.batch = p_batch
        then substring(left(e.line, 1000) from '^.*?"prev":"[^"]*",') else e.line end
      from event e where e.run = p_run and e.seq >= p_seen order by e.seq;
end $$;

-- Removes a run that nobody leads; its record is kept. outcome: `gone`; `changed` (its journal has
-- another head by now); `under_way`; `watch` (its leader is not proven dead yet: ask again).
create function prune(p_me integer, p_run text, p_head text, p_record text, out outcome text)
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  r record;
  v_alive boolean;
begin
  select * into r from run where run = p_run for update;
  if not found then
    -- asked again after its answer was lost, or another process was faster
    outcome := 'gone'; return;
  end if;
  v_alive := judge(r.leader, p_me);
  outcome := case when v_alive or r.open or r.rest then 'under_way' when v_alive is null then 'watch'
    when r.head <> p_head then 'changed' else 'gone' end;
  if outcome <> 'gone' then return; end if;
  insert into pruned (record) values (p_record);
  perform forget(p_run);
end $$;

-- Removes a run, and leaves its events and outputs to `sweep`.
create function forget(p_run text) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  delete from run_file where run = p_run;
  delete from command where run = p_run;
  delete from slot where run = p_run;
  delete from host_lock where run = p_run;
  delete from errand where run = p_run;
  delete from run_site where run = p_run;
  delete from run where run = p_run;
  insert into gone (run) values (p_run) on conflict do nothing;
  perform pg_notify('kmend', p_run);
end $$;

-- Removes some of what removed runs have left: a statement must end in time. Returns whether there
-- is more. A run whose process died before it began is removed, too, and so are pieces of batches.
create function sweep(p_me integer) returns boolean
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  v_run text;
begin
  delete from part p where judge(p.holder, p_me) is false;
  delete from errand e where e.run is null and judge(e.asker, p_me) is false;
  delete from run_site s using run r
    where r.run = s.run and not r.open and judge(r.leader, p_me) is false;
  perform forget(r.run) from run r where not r.begun and r.leader is not null and judge(r.leader, p_me) is false;
  select g.run into v_run from gone g order by g.run limit 1 for update skip locked;
  if not found then return false; end if;
  delete from event e where e.ctid = any (array(select x.ctid from event x where x.run = v_run limit 10000));
  if found then return true; end if;
  delete from output o where o.ctid = any (array(select x.ctid from output x where x.run = v_run limit 32));
  if found then return true; end if;
  delete from gone where run = v_run;
  return true;
end $$;

-- Takes a turn of a job for p_me, if no turn of the job is under way and no later one was taken.
-- Earlier ones are over then, and are removed.
create function take_turn(p_me integer, p_job text, p_at bigint) returns boolean
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  r record;
begin
  -- One at a time for each job, and none of a job that was removed.
  perform from document where kind = 'jobs' and name = p_job for update;
  if not found then
    return false;
  end if;
  for r in select * from turn where job = p_job loop
    if r.at > p_at or (r.at = p_at and r.ended)
      or (not r.ended and judge(r.holder, p_me) is distinct from false)
    then
      return false;
    end if;
  end loop;
  delete from turn where job = p_job and at < p_at;
  insert into turn (job, at, holder) values (p_job, p_at, p_me)
    on conflict (job, at) do update set holder = p_me;
  return true;
end $$;

-- Gives a turn of p_me away: it has ended, or its rest is for any worker.
create function leave_turn(p_me integer, p_job text, p_at bigint, p_ended boolean) returns void
  language sql security definer set search_path = kmend, pg_temp as $$
  update turn set holder = null, ended = p_ended where job = p_job and at = p_at and holder = p_me
$$;

-- Names the sites of a run that p_me leads, so that their workers prepare for it.
create function announce(p_me integer, p_run text, p_sites text[], p_version text) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  perform from run where run = p_run and leader = p_me and leads(p_me) for update;
  if not found then return; end if;
  delete from run_site where run = p_run;
  insert into run_site (run, site, version) select p_run, x, p_version from unnest(p_sites) x;
  perform pg_notify('kmend', p_run);
end $$;

-- Hands work on a host of a run that p_me leads to the workers of a site. What is handed over goes on
-- where it is; what has ended is replaced.
create function hand(
  p_me integer, p_run text, p_host text, p_site text, p_kind text, p_version text
) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  perform from run where run = p_run and leader = p_me and leads(p_me) for update;
  if not found then
    raise exception using errcode = 'KM001', message = 'another process leads run ' || p_run;
  end if;
  delete from errand where run = p_run and host = p_host and (ended or kind <> p_kind);
  insert into errand (run, host, site, kind, version)
    values (p_run, p_host, p_site, p_kind, p_version)
    on conflict (run, host) do update set version = p_version, site = p_site;
  perform pg_notify('kmend', p_run);
end $$;

-- Tells the worker of a host why it must end its work.
create function stop_errand(p_me integer, p_run text, p_host text, p_why text) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  update errand e set stop = p_why from run r
    where e.run = p_run and e.host = p_host and r.run = p_run and r.leader = p_me and leads(p_me);
  perform pg_notify('kmend', p_run);
end $$;

-- Removes work that has ended.
create function forget_errands(p_me integer, p_run text, p_hosts text[]) returns void
  language sql security definer set search_path = kmend, pg_temp as $$
  delete from errand e using run r
    where e.run = p_run and e.host = any (p_hosts) and e.ended and r.run = p_run and r.leader = p_me
      and leads(p_me)
$$;

-- Asks the workers of a site; a question that is asked again is one.
create function ask(p_me integer, p_key text, p_site text, p_kind text, p_version text, p_request text)
  returns bigint
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  v_id bigint;
begin
  select id into v_id from errand where run is null and asker = p_me and host = p_key;
  if v_id is null then
    insert into errand (host, site, kind, version, request, asker)
      values (p_key, p_site, p_kind, p_version, p_request, p_me) returning id into v_id;
    perform pg_notify('kmend', '');
  end if;
  return v_id;
end $$;

-- Removes questions of p_me.
create function withdraw(p_me integer, p_ids bigint[]) returns void
  language sql security definer set search_path = kmend, pg_temp as $$
  delete from errand where run is null and asker = p_me and id = any (p_ids)
$$;

-- Gives p_me up to p_most errands that nobody has, or whose worker is dead, and those of p_me that it
-- does not know (not in p_have). Each claim of a host gives a greater number.
create function claim(
  p_me integer, p_have bigint[], p_sites text[], p_runs text[], p_version text, p_boot text,
  p_most integer
) returns setof errand
  language plpgsql security definer set search_path = kmend, pg_temp as $$
declare
  e record;
  v_claimed integer := 0;
begin
  if not leads(p_me) then return; end if;
  return query select x.* from errand x where x.holder = p_me and not x.ended and x.id <> all (p_have);
  for e in
    select x.id, x.run, x.holder from errand x
    where not x.ended and x.site = any (p_sites) and x.version = p_version
      and (x.run is null or x.run = any (p_runs)) and x.holder is distinct from p_me
      and x.avoid @> array[p_boot] is false and judge(x.holder, p_me) is false
    order by x.id
  loop
    exit when v_claimed = p_most;
    -- The run before its errands, as everywhere: two who wait for each other would be a deadlock.
    perform from run where run = e.run for no key update;
    perform from errand x
      where x.id = e.id and not x.ended and x.holder is not distinct from e.holder
      for update skip locked;
    continue when not found;
    update run set number = number + 1 where run = e.run;
    v_claimed := v_claimed + 1;
    return query
      update errand x set holder = p_me, number = (select r.number from run r where r.run = e.run)
        where x.id = e.id returning x.*;
  end loop;
end $$;

-- The worker does not go on with it: another does, but none on a machine of p_boot.
create function leave_errand(p_me integer, p_id bigint, p_boot text) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  update errand set holder = null, avoid = case when p_boot = '' then avoid else avoid || p_boot end
    where id = p_id and holder = p_me and leads(p_me);
  perform pg_notify('kmend', '');
end $$;

-- Its work is done. The answer of a question is in p_parts pieces (`keep_part`).
create function end_errand(p_me integer, p_id bigint, p_batch uuid, p_parts integer) returns void
  language plpgsql security definer set search_path = kmend, pg_temp as $$
begin
  update errand set ended = true, holder = null, answer = (
      select convert_from(string_agg(p.data, ''::bytea order by p.at), 'UTF8')
        from part p where p.batch = p_batch having count(*) = p_parts)
    where id = p_id and holder = p_me and leads(p_me);
  delete from part where batch = p_batch;
  perform pg_notify('kmend', (select coalesce(run, '') from errand where id = p_id));
end $$;
