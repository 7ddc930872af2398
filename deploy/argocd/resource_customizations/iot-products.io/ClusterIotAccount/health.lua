-- Health in step with kstatus: Stalled is Degraded, Ready is Healthy, everything else is under way. Argo CD
-- itself calls an object that is being deleted Progressing, and does not ask.
local generation = obj.metadata.generation or 0
if obj.status == nil or obj.status.observedGeneration ~= generation then
  return { status = "Progressing", message = "waiting for the operator to see generation " .. tostring(generation) }
end

local found = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  -- A condition of an older generation says nothing about this one.
  if condition.observedGeneration == nil or condition.observedGeneration == generation then
    found[condition.type] = condition
  end
end

local function is(kind)
  return found[kind] ~= nil and found[kind].status == "True"
end

local function text(kind)
  local condition = found[kind] or {}
  local reason, message = condition.reason or "", condition.message or ""
  if reason ~= "" and message ~= "" then
    return reason .. ": " .. message
  end
  return reason .. message
end

if is("Stalled") then
  return { status = "Degraded", message = text("Stalled") }
end
if is("Reconciling") then
  return { status = "Progressing", message = text("Reconciling") }
end
if is("Ready") then
  -- A suspended product that is good stays Healthy: Argo CD waits for Healthy between waves.
  local message = text("Ready")
  for _, kind in ipairs({ "Suspended", "Drifted" }) do
    if is(kind) then
      message = message .. "; " .. kind .. ": " .. (found[kind].message or "")
    end
  end
  return { status = "Healthy", message = message }
end
if is("Suspended") then
  return { status = "Suspended", message = text("Suspended") }
end
if found.Ready ~= nil then
  return { status = "Progressing", message = text("Ready") }
end
return { status = "Progressing", message = "waiting for the operator" }
