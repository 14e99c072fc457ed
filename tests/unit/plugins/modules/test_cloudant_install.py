# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_install import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.modules import cloudant_install


@pytest.mark.parametrize("kind", ["db", "lb"])
def test_a_node_without_the_product_is_refused_and_left_alone(tmp_path, kind):
    options = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
    options.update(kind=kind, version="1.1.0", installer=str(tmp_path / "x.bin"), id="one", state_dir=str(tmp_path / "state"))
    with pytest.raises(FleetError, match="is not installed") as caught:
        cloudant_install.install(options, True)
    assert (caught.value.facts["reason"], caught.value.facts["stopped"]) == ("package", False)
    assert list(tmp_path.iterdir()) == []
