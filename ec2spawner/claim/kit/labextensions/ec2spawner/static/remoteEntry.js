// What people read of their machine in JupyterLab 4 and Notebook 7, which load this file
// as a prebuilt ("federated") extension: plain JavaScript, nothing is built.
//
// It knows no words. Sentences come from the Hub by way of the machine's agent; here
// {left} in them becomes a time that is left, {at} and {day} a moment on the reader's own
// clock, and {cost} what the machine has cost by now.
(() => {
  // With the 5 s of the agent (work/notices.py) a notice of EC2 is read within 15 s.
  const LOOK_MS = 8000;
  const HUMAN_MS = 30000;
  // JupyterLab cuts off what is longer.
  const TOAST_CHARACTERS = 140;

  let shares = {};

  // Of several versions that extensions share the one in use, else the newest.
  const shared = async name => {
    const key = version => version.split('.').map(n => (parseInt(n, 10) || 0) + 1e6).join('.');
    const all = Object.entries(shares[name] || {});
    all.sort(([a, x], [b, y]) => !!x.loaded - !!y.loaded || (key(a) < key(b) ? -1 : 1));
    return all.length ? (await all.pop()[1].get())() : {};
  };

  // What changes each second is read aloud each second: only the bar is exact.
  const span = (seconds, exact) => {
    const s = Math.max(0, Math.round(seconds));
    const two = n => String(n).padStart(2, '0');
    if (s >= 3600) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`;
    if (exact) return `${Math.floor(s / 60)}:${two(s % 60)}`;
    return s > 90 ? `${Math.round(s / 60)} min` : `${Math.ceil(s / 15) * 15} s`;
  };

  const TIME = { hour: '2-digit', minute: '2-digit' };
  const clock = at => at.toLocaleTimeString([], TIME);
  const day = at => at.toLocaleString([], { day: 'numeric', month: 'long', ...TIME });

  const money = usd => usd.toFixed(usd >= 0.095 ? 2 : 3);

  // Which notices this browser has shown that are to be shown once.
  const once = {
    seen: id => { try { return localStorage.getItem('ec2spawner:' + id); } catch (e) { return null; } },
    note: id => { try { localStorage.setItem('ec2spawner:' + id, '1'); } catch (e) { /* private */ } }
  };

  const run = async (app, statusBar) => {
    const [{ Widget }, { Notification, Dialog, showDialog }, { ServerConnection }] = await Promise.all(
      ['@lumino/widgets', '@jupyterlab/apputils', '@jupyterlab/services'].map(shared));
    const settings = app.serviceManager.serverSettings;
    const call = async (what, body) => {
      const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
      const answer = await ServerConnection.makeRequest(settings.baseUrl + 'ec2spawner/' + what, init, settings);
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    };

    // Hidden while it has nothing to say: a button without a name helps nobody.
    const bar = new Widget({ node: document.createElement('button') });
    bar.id = 'ec2spawner-bar';
    bar.node.type = 'button';
    bar.node.hidden = true;
    bar.node.setAttribute('aria-haspopup', 'dialog');
    bar.node.style.cssText = 'margin:auto 4px;padding:0 8px;border:0;background:none;font-family:inherit;' +
      'color:var(--jp-ui-font-color1);font-size:12px;line-height:22px;white-space:nowrap;cursor:pointer';
    if (statusBar) statusBar.registerStatusItem('ec2spawner', { item: bar, align: 'right', rank: 900 });
    else app.shell.add(bar, 'top', { rank: 900 });

    let told = null, skew = 0, missed = 0, nobody = false;
    const shown = new Map();
    // The machine's clock, by which all times are; the page's may be wrong.
    const now = () => Date.now() / 1000 - skew;
    const fill = (text, until, exact) => String(text).replace(/\{(left|at|day|cost)\}/g, (_, what) => {
      if (what === 'left') return span(until - now(), exact);
      if (what !== 'cost') return (what === 'day' ? day : clock)(new Date((until + skew) * 1000));
      return money((told.cost || 0) + (told.rate || 0) * Math.max(0, now() - told.now) / 3600);
    });

    const act = async ask => {
      try {
        await call('ask', ask);
        Notification.info(told.asked, { autoClose: 5000 });
        await look();
      } catch (e) { Notification.error(told.failed, { autoClose: 10000 }); }
    };
    const paragraphs = lines => {
      const body = new Widget({ node: document.createElement('div') });
      for (const line of lines) {
        const p = document.createElement('p');
        p.textContent = line;
        body.node.append(p);
      }
      return body;
    };
    const show = async (lines, offers) => {
      const buttons = offers.map(({ label, ask }) => Dialog.createButton({ label, actions: [JSON.stringify(ask)] }));
      const { button } = await showDialog({
        title: told.heading, body: paragraphs(lines), buttons: [...buttons, Dialog.okButton({ label: told.close })]
      });
      if (button.actions.length) await act(JSON.parse(button.actions[0]));
    };
    bar.node.onclick = () => {
      if (told) show((told.details || []).map(d => fill(d.text, d.until)), told.actions || []);
    };

    // A toast has room for little: what is longer has a button for the rest.
    const toast = notice => {
      const whole = fill(notice.text, notice.until);
      const actions = (notice.actions || []).map(({ label, ask }) => ({
        label, displayType: 'accent', callback: () => act(ask)
      }));
      if (whole.length <= TOAST_CHARACTERS) return { message: whole, actions };
      const start = whole.slice(0, TOAST_CHARACTERS - 1);
      const cut = start.slice(0, Math.max(start.lastIndexOf(' '), 1)) + '…';
      const more = { label: told.more, callback: () => show([fill(notice.text, notice.until)], notice.actions || []) };
      return { message: cut, actions: [...actions, more] };
    };
    const due = notice => !notice.within || notice.until - now() <= notice.within;
    const draw = () => {
      bar.node.hidden = !told;
      const notices = ((told && told.notices) || []).filter(due);
      for (const [id, old] of shown)
        if (!notices.some(n => n.id === id)) { Notification.dismiss(old.id); shown.delete(id); }
      if (!told) return;
      const text = missed > 2 ? told.away : fill(told.bar, told.until, true);
      if (bar.node.textContent !== text) bar.node.textContent = text;
      for (const notice of notices) {
        const old = shown.get(notice.id);
        if (!old && notice.once && once.seen(notice.id)) continue;
        const { message, actions } = toast(notice);
        if (!old) {
          if (notice.once) once.note(notice.id);
          const id = Notification.emit(message, notice.kind, { autoClose: false, actions });
          shown.set(notice.id, { id, message });
        } else if (old.message !== message) {
          Notification.update({ id: old.id, message, actions, autoClose: false });
          old.message = message;
        }
      }
    };
    const tick = () => { try { draw(); } catch (e) { console.warn('ec2spawner:', e); told = null; } };
    const look = async () => {
      try {
        const found = await call('told');
        told = found.bar ? found : null;
        if (told) skew = Date.now() / 1000 - told.clock;
        missed = 0;
      } catch (e) {
        missed += 1;
        nobody = e.message === '404';
      }
      tick();
    };

    // A server that somebody runs in a terminal has this page, too, and no answers.
    await look();
    if (nobody) return;

    // Only what a person does counts: what scripts make up is not trusted.
    let beacon = 0;
    const human = event => {
      if (!event.isTrusted || document.hidden || Date.now() - beacon < HUMAN_MS) return;
      beacon = Date.now();
      call('ask', { human: true }).catch(() => { beacon = 0; });
    };
    for (const kind of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'])
      window.addEventListener(kind, human, { capture: true, passive: true });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
    setInterval(look, LOOK_MS);
    setInterval(tick, 1000);
  };

  const load = async () => {
    const { IStatusBar } = await shared('@jupyterlab/statusbar');
    const plugin = {
      id: 'ec2spawner:machine',
      autoStart: true,
      optional: IStatusBar ? [IStatusBar] : [],
      // JupyterLab waits for every plugin, so nothing is awaited here. And nobody listens
      // for notifications before it has restored.
      activate: (app, statusBar) => {
        app.restored.then(() => run(app, statusBar)).catch(e => console.warn('ec2spawner:', e));
      }
    };
    return () => ({ __esModule: true, default: plugin });
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.ec2spawner = { init: scope => { shares = scope; }, get: load };
})();
