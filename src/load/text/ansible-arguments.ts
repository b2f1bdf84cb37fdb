// Arguments that Ansible's module of the same name has and ours has not, each with what to write
// instead. Without it "did you mean" finds a word that looks alike and means something else.
export const ansibleArguments: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  reboot: {
    boot_time_command: 'leave it out: each boot has an id of its own',
    connect_timeout: 'leave it out: `timeout` is how long the host may be away',
    msg: 'leave it out: nobody is sent a message',
    post_reboot_delay: 'use `stable_for`: how long the new boot must last',
    pre_reboot_delay: 'leave it out: `drain` waits until the node is empty',
    reboot_command: 'leave it out, or see `escalate` and `fallback`',
    reboot_timeout: 'use `timeout`: how long the host may be away',
    search_paths: 'leave it out: the command is found by the PATH of the host',
    test_command: 'put a task after the reboot: `command` with `until`',
  },
  service: { daemon_reload: 'use `command: systemctl daemon-reload`' },
};
