"""The page in a real browser, without a head, on a scripted conversation: what is shown, what the
keys do.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Callable, Iterator, TypeVar

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: make setup')
pytest.importorskip('websockets', minversion='15')
playwright = pytest.importorskip('playwright.sync_api', reason='pip install playwright')

from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from window_feeder import TOPICS, WATCHING, Feeder, conversation, portrait  # noqa: E402

from omni_agent.nodes import qos  # noqa: E402

if TYPE_CHECKING:
    from ros_bench import Bench, Running

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
                None)
pytestmark = pytest.mark.skipif(CHROMIUM is None,
                                reason='no chromium here: apt-get install chromium')

SCREENSHOT = 'OMNI_AGENT_SCREENSHOT'        # a file name: the picture in the documentation
WIDE, NARROW = {'width': 1480, 'height': 1000}, {'width': 500, 'height': 900}
# of which the newest wins: they are given time to be read
RARE = ('interrupt', 'agent_state')
T = TypeVar('T')
Page = object


class Browser:
    """A page in a thread of its own, so that the bench turns while it is asked something."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._thread = ThreadPoolExecutor(1)
        self.complaints: list[str] = []
        self.requests: set[str] = set()
        self.ask(self._open)

    def _open(self, _: None) -> None:
        self._playwright = playwright.sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=CHROMIUM,
                                                          args=['--no-sandbox'])
        self._page = self._chromium.new_page(viewport=WIDE)
        self._page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self._page.on('console', lambda said: self._hear(said.type, said.text))
        self._page.on('request', lambda request: self.requests.add(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind == 'error' and '/socket' not in text:      # a lost connection is said there, too
            self.complaints.append(text)

    def ask(self, question: Callable[[Page], T]) -> T:
        """In the browser's thread."""
        answer = self._thread.submit(lambda: question(getattr(self, '_page', None)))
        self._bench.until(answer.done, 'an answer of the browser', 60.0)
        return answer.result()

    def shows(self, selector: str, text: str) -> None:
        self._bench.until(lambda: text in self.text(selector), f'{text!r} in {selector}')

    def text(self, selector: str) -> str:
        return self.ask(lambda page: '\n'.join(page.locator(selector).all_inner_texts()))

    def close(self) -> None:
        self.ask(lambda page: (self._chromium.close(), self._playwright.stop()))
        self._thread.shutdown()


@pytest.fixture(scope='module')
def feeder(bench: Bench) -> Iterator[Feeder]:
    """With an agent that lives, and is silenced."""
    made = Feeder(bench.node)
    made.hushed = []

    def hush(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        made.hushed.append(time.time())
        response.success = True
        return response

    bench.node.create_service(Trigger, 'decision/hush', hush)
    made.lives = True
    beat = bench.node.create_timer(0.3, lambda: made.lives and made.alive())
    yield made
    bench.node.destroy_timer(beat)


@pytest.fixture(scope='module')
def window(bench: Bench) -> Running:
    process = bench.start('window', port=0)
    bench.until(lambda: 'is open' in process.words, 'the address')
    return process


@pytest.fixture(scope='module')
def browser(bench: Bench, window: Running, feeder: Feeder) -> Iterator[Browser]:
    """On the page, after a conversation."""
    made = Browser(bench)
    address = window.words.split('is open: ')[1].split()[0]
    made.ask(lambda page: page.goto(address))
    made.shows('#link', 'live')
    bench.until(lambda: all(feeder.publishers[topic].get_subscription_count() for topic in TOPICS),
                'all is in sight')
    image, look = portrait(time.time())
    feeder.play(lambda topic: bench.turn(0.03 if topic in RARE else 0.001),
                conversation(time.time() + 2.0))
    feeder.one('image_raw', image)
    feeder.one('look', look)
    made.shows('#words', 'And what was the first')
    if target := os.environ.get(SCREENSHOT):
        made.ask(lambda page:
                 (page.wait_for_timeout(700), page.screenshot(path=target, full_page=True)))
    yield made
    made.close()


def test_the_words_of_both_are_shown_and_told_to_screen_readers(browser: Browser):
    words = browser.text('#words')
    for said in ('What can you see in front of you?', 'I see one person in a blue uniform',
                 'cut off', 'partial', 'recalled: 10:02'):
        assert said in words
    assert browser.ask(lambda page: page.get_attribute('#spoken', 'aria-live')) == 'polite'
    assert ('Robot: I will tell you when somebody comes in.'
            in browser.ask(lambda page: page.text_content('#spoken')))


def test_everything_else_is_shown(browser: Browser):
    assert browser.text('#score') == '94 %' and '+1.9' in browser.text('#evidence')
    assert ('430 ms' in browser.text('#interrupts')
            and 'skills halted' in browser.text('#interrupts'))
    assert 'cancelled' in browser.text('#skills') and 'drive (2 of 2)' in browser.text('#skills')
    assert browser.text('#watching').split('\n') == WATCHING
    assert '3 moments' in browser.text('#memory')
    browser.shows('#health', 'the first word came after 1.9 s')
    assert 'is speaking' in browser.text('#person') and browser.text('#doing') == 'drive'


def test_how_answers_came_about_is_shown_the_newest_first_with_both_nodes_in_one(
        browser: Browser):
    browser.shows('#routes', 'wrote the reply')
    shown = browser.ask(lambda page: page.locator('#routes > li').all_inner_texts())
    assert ['Tell me when' in shown[0], 'drive to the kitchen' in shown[1],
            'What can you see' in shown[2], len(shown)] == [True, True, True, 3]
    for part in ('closer look', '412 ms', '1 picture', '256 pictures', '70 tokens', '540 ms'):
        assert part in shown[2]
    assert 'addressee' in shown[1] and '–' in shown[1]      # what it cost was not measured
    widths = browser.ask(lambda page: page.evaluate("""() =>
        [...document.querySelectorAll('#routes > li:last-child .bar i')].map(
            one => one.getBoundingClientRect().width)"""))
    assert max(widths) == widths[5] > 3 * widths[4] > 0     # the language model took longest


def test_the_picture_is_shown_with_boxes(bench: Bench, browser: Browser):
    bench.until(
        lambda: browser.ask(lambda page: page.evaluate(
            "document.getElementById('image').naturalWidth")) == 512, 'the picture')
    assert 'person 1' in browser.text('#tags') and 'looks here' in browser.text('#tags')
    assert (browser.ask(lambda page: page.get_attribute('#image', 'alt')) ==
            'The camera shows: person')


def test_the_lanes_are_drawn(bench: Bench, browser: Browser):
    """Ink of the speech, of the echo and of the robot's words, counted in the canvas."""
    count = """name => {
      const canvas = document.getElementById('canvas');
      const probe = document.createElement('canvas').getContext('2d');
      probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      probe.fillRect(0, 0, 1, 1);
      const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
      const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let found = 0;
      for (let at = 0; at < all.length; at += 4) found += all[at] === r && all[at + 1] === g && all[at + 2] === b;
      return found;
    }"""
    for name in ('--vad', '--s-robot', '--lowbed', '--bad'):
        bench.until(lambda name=name: browser.ask(lambda page: page.evaluate(count, name)) > 300,
                    name)


def test_escape_stops_the_robot_from_anywhere(browser: Browser, feeder: Feeder):
    before = len(feeder.hushed)
    browser.ask(lambda page: (page.focus('#typed'), page.keyboard.press('Escape')))
    browser.shows('#stopped', 'Stopped')
    assert len(feeder.hushed) == before + 1
    browser.ask(lambda page: page.click('#stop'))
    browser._bench.until(lambda: len(feeder.hushed) == before + 2, 'the second hush')


def test_what_is_typed_is_said_to_the_robot_and_shown(bench: Bench, browser: Browser):
    heard = bench.listen(String, 'typed', qos.PERCEPT)
    bench.until(lambda: bench.node.count_publishers('typed'), 'a writer')
    words = 'and <b>what</b> now?'
    bench.until(
        lambda: heard or browser.ask(lambda page:
                                     (page.fill('#typed', words), page.press('#typed', 'Enter'),
                                      page.wait_for_timeout(200))) is None, 'the words')
    bench.until(lambda: heard, 'the words')
    assert heard[0].data == words
    browser.shows('#words', words)
    assert browser.ask(lambda page: page.locator('#words b b, #words span b').count()) == 0


def test_it_fits_on_a_telephone_and_asks_for_no_picture_that_is_out_of_sight(
        bench: Bench, browser: Browser, feeder: Feeder):
    browser.ask(lambda page: page.set_viewport_size(NARROW))
    assert (browser.ask(lambda page: page.evaluate('document.documentElement.scrollWidth'))
            <= NARROW['width'])
    assert browser.ask(lambda page: page.locator('#stop').is_visible())
    images = feeder.publishers['image_raw']
    bench.until(lambda: not images.get_subscription_count(), 'nobody to take pictures')
    browser.ask(lambda page: page.locator('#picture').scroll_into_view_if_needed())
    bench.until(images.get_subscription_count, 'somebody')
    assert browser.ask(lambda page: page.locator('#stop').is_visible())
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});" \
           "document.dispatchEvent(new Event('visibilitychange')); }"
    browser.ask(lambda page: page.evaluate(hide, True))
    bench.until(lambda: not images.get_subscription_count(), 'nobody behind another tab')
    browser.ask(lambda page: page.evaluate(hide, False))
    bench.until(images.get_subscription_count, 'somebody again')
    browser.ask(lambda page: page.set_viewport_size(WIDE))


def test_every_button_and_field_has_a_name(browser: Browser):
    unnamed = browser.ask(lambda page: page.evaluate("""() =>
        [...document.querySelectorAll('button, input, section, [role=img]')].filter(
            one => !(one.textContent.trim() && one.tagName === 'BUTTON') && !one.labels?.length &&
                   !one.getAttribute('aria-label') &&
                   !one.getAttribute('aria-labelledby')).map(one => one.outerHTML)"""))
    assert unnamed == []


def test_the_page_asks_nobody_but_the_robot(browser: Browser, window: Running):
    home = window.words.split('is open: ')[1].split()[0]
    assert browser.requests and all(url.startswith((home, 'blob:')) for url in browser.requests)
    assert browser.complaints == []


def test_a_page_of_somebody_else_cannot_stop_the_robot(bench: Bench, browser: Browser,
                                                       window: Running, feeder: Feeder):
    """What a browser really sends, from a page that the same robot does not serve."""
    address = window.words.split('is open: http')[1].split()[0]
    before = len(feeder.hushed)
    outcome = browser.ask(lambda page: _foreign(browser, f'ws{address}socket'))
    assert outcome == 'refused' and len(feeder.hushed) == before


def _foreign(browser: Browser, address: str) -> str:
    page = browser._chromium.new_page()
    page.goto('data:text/html,<title>evil</title>')
    outcome = page.evaluate("""address => new Promise(done => {
        const socket = new WebSocket(address);
        socket.onopen = () => { socket.send('{"stop": 1}'); done('open'); };
        socket.onerror = () => done('refused'); })""", address)
    page.close()
    return outcome


def test_with_the_token_in_the_address_it_opens_and_the_address_forgets_it(
        bench: Bench, browser: Browser):
    process = bench.start('window', port=0, host='0.0.0.0', arguments=('-r', '__ns:=/apart'))
    bench.until(lambda: 'is open' in process.words, 'the address')
    _, port, token = re.search(r'http://([^:/]+):(\d+)/\?token=(\S+)', process.words).groups()
    home = f'http://127.0.0.1:{port}/'

    page = browser.ask(lambda _: browser._chromium.new_page())

    def enter(_: Page) -> tuple[str, str, str]:
        page.goto(home)
        locked = page.inner_text('h1')
        page.fill('input', token)
        page.click('button')
        page.wait_for_selector('[data-link=open]')
        page.wait_for_selector('#namespace:has-text("/apart")')
        return locked, page.url, page.evaluate('document.cookie')
    assert browser.ask(enter) == ('This window is locked', home, '')
    # what the page would be told by one that was started anew, and has made another token
    browser.ask(lambda _: page.route('**/window.js', lambda route: route.fulfill(status=401)))
    assert bench.end(process) == 0
    bench.until(lambda: 'another token' in browser.ask(lambda _: page.inner_text('#link')),
                'that it is locked')
    browser.ask(lambda _: page.close())


def test_it_says_that_the_agent_is_gone_and_that_it_is_back(browser: Browser, feeder: Feeder):
    feeder.lives = False
    browser.shows('#link', 'the agent is gone')
    feeder.lives = True
    browser.shows('#link', 'live')


def test_it_comes_back_by_itself(bench: Bench, browser: Browser, window: Running, feeder: Feeder):
    port = int(window.words.split('is open: http://127.0.0.1:')[1].split('/')[0])
    assert bench.end(window) == 0
    browser.shows('#link', 'trying again')
    browser.ask(lambda page: page.keyboard.press('Escape'))
    browser.shows('#stopped', 'Not connected')
    bench.start('window', port=port)
    browser.shows('#link', 'live')
