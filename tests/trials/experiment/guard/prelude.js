// What NNI's files need to be loaded outside the manager; `say` is how a script answers.
'use strict';

global.nniUnitTest = true;
require('common/globals/unittest');
global.say = answer => { console.log(JSON.stringify(answer)); process.exit(0); };
global.NNIManager = require('core/nnimanager').NNIManager;
