#!/usr/bin/env bash
# OnnxPriors.OnDevice packs without native code, and an application that has only the packages trains with it
set -euo pipefail
tool=$PWD/artifacts/tool/onnxpriors
out=$PWD/artifacts/packages
rm -rf "$out" && mkdir -p "$out"
for project in OnnxPriors OnnxPriors.OnDevice; do dotnet pack "src/$project" -c Release -o "$out"; done

# What is inside: managed code, its documentation, README and licence; a megabyte for both together.
/usr/bin/python3 - "$out" <<'PY'
import pathlib, sys, zipfile
total = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.nupkg')):
    total += path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if not n.startswith(('_rels/', 'package/', '[Content_Types]'))]
        spec = archive.read(next(n for n in names if n.endswith('.nuspec'))).decode()
    stem = next(n for n in names if n.endswith('.nuspec')).removesuffix('.nuspec')
    expected = {f'{stem}.nuspec', 'README.md', f'lib/net10.0/{stem}.dll', f'lib/net10.0/{stem}.xml'}
    assert set(names) == expected, f'{path.name} holds {names}'
    for part in ('<license type="expression">MIT</license>', '<readme>README.md</readme>', '<description>', '<authors>', '<tags>'):
        assert part in spec, f'{path.name} lacks {part}'
    for word in ('id="torch', 'id="libtorch', 'id="skia', 'id="Microsoft.ML.OnnxRuntime"'):
        assert word.lower() not in spec.lower(), f'{path.name} depends on {word}'
    print(path.name, path.stat().st_size)
assert total < 1_000_000, total
PY

# The sample in a project of its own, far from this one's settings; packages already on the machine are taken from there.
application=$(mktemp -d)
trap 'rm -rf "$application"' EXIT
installed=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
cp src/OnnxPriors.OnDevice.Sample/Program.cs "$application"
cat >"$application/nuget.config" <<XML
<configuration>
  <config><add key="globalPackagesFolder" value="restored" /></config>
  <packageSources><add key="packed" value="$out" /></packageSources>
  <fallbackPackageFolders><add key="installed" value="$installed" /></fallbackPackageFolders>
</configuration>
XML
cat >"$application/application.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="OnnxPriors.OnDevice" Version="0.1.0" />
    <PackageReference Include="Microsoft.ML.OnnxRuntime" Version="$(sed -n 's/.*<OrtVersion>\(.*\)<.OrtVersion>.*/\1/p' Directory.Packages.props)" />
  </ItemGroup>
</Project>
XML
dotnet build "$application/application.csproj" -o "$application/run"
[ -z "$(find "$application/run" -iname '*torch*')" ]
"$tool" bake models/demo-digits.onnx --prior isotropic --scale 0.1 --classes 3 --target both -o "$application/package" --quiet
/usr/bin/python3 -c "
import numpy, sys
random = numpy.random.default_rng(0)
labels = numpy.arange(12) % 3
x = random.normal(size=(12, 1, 8, 8)).astype(numpy.float32)
for i, label in enumerate(labels): x[i, 0, 2 * label:2 * label + 3, 2 * label:2 * label + 3] += 3
x.tofile(sys.argv[1] + '/x.bin')
numpy.savez(sys.argv[1] + '/x.npz', image=x)
open(sys.argv[1] + '/labels.txt', 'w').write('\n'.join(map(str, labels)))
" "$application"
dotnet "$application/run/application.dll" "$application/package" "$application/x.bin" "$application/labels.txt" "$application/personal.onnx" | tee "$application/losses.txt"
awk '/loss/ { if (!first) first = $3; last = $3 } END { exit !(last < first) }' "$application/losses.txt"
"$tool" run "$application/personal.onnx" --inputs "$application/x.npz" -o "$application/out.npz" --quiet
/usr/bin/python3 -c "
import numpy, sys
p = numpy.load(sys.argv[1] + '/out.npz')['probabilities']
assert p.shape == (12, 3) and numpy.allclose(p.sum(1), 1, atol=1e-5), p
" "$application"
