"""What is called and read of freqtrade's and ccxt's internals, and overridden of FreqAI's model.

Nothing of it is promised to stay as it is, so that a release can be looked at before anything is
put in place. What is replaced stands in :mod:`regimeswitch.bot.patches`, what a signature cannot
tell in :mod:`regimeswitch.bot.compatibility.sources`.
"""

from __future__ import annotations

from regimeswitch.bot.signatures import called, read, repaired, replaced, wrapped


ORDER_CLIENT = [
    called("fetch_open_orders", "symbol since limit params"),
    called("fetch_my_trades", "symbol since limit params"),
    called("fetch_balance", "params"),
]
"""Of the exchange client that freqtrade places orders with."""
CLIENT = [
    called("fetch_time"),
    *read("session", "urls", "timeout", "options"),
]
"""Of each exchange client: the requests that are watched."""
EXCHANGE = [
    *read("_api", "_api_async", "_ws_async", "_exchange_ws", "markets", "id"),
]
EXCHANGE_OF_ADOPTION = [
    called("get_fee", "symbol order_type side amount price taker_or_maker"),
    called("get_pair_base_currency", "pair"),
    called("get_precision_amount", "pair"),
    called("get_precision_price", "pair"),
    called("get_contract_size", "pair"),
    *read("precisionMode", "precision_mode_price"),
]
DATA_PROVIDER = [
    *read("_exchange", "runmode", "available_pairs"),
    called("send_msg", "message always_send"),
    called("ohlcv", "pair timeframe copy"),
    called("get_pair_dataframe", "pair timeframe"),
    called("get_analyzed_dataframe", "pair timeframe"),
    called("orderbook", "pair maximum"),
    called("current_whitelist"),
    *read("__rpc"),
]
RPC = [
    called("send_msg", "msg"),
    *read("registered_modules"),
]
"""Of freqtrade's manager of messages."""
TRADE = [
    called("get_trades_proxy"),
    called("get_open_trades"),
    called("delete"),
    called("close", "rate"),
    called("update_fee", "fee_cost fee_currency fee_rate side"),
    called("recalc_trade_from_orders"),
    called("adjust_stop_loss", "current_price stoploss initial"),
    called("commit"),
    called("get_total_closed_profit"),
    called("set_custom_data", "key value"),
    called("get_custom_data", "key"),
    *read("session", "orders", "is_open", "amount", "has_open_orders", "has_open_sl_orders"),
    *read("safe_base_currency", "fee_open_currency", "open_date_utc", "entry_side", "exit_side"),
    *read("open_sl_orders", "has_open_position", "stop_loss", "safe_quote_currency"),
    called("select_filled_orders", "order_side"),
    *read("nr_of_successful_entries", "date_last_filled_utc", "is_stop_loss_trailing"),
]
ORDER = [
    called("parse_from_ccxt_object", "order pair side amount price"),
    *read("session", "id", "order_id", "ft_pair", "ft_is_open", "ft_order_side", "ft_fee_base"),
    *read("filled", "status", "cost", "average", "ft_amount", "ft_price", "ft_order_tag"),
]
ORDER_OF_TRADE = read(
    *("ft_order_side", "ft_is_open", "price", "stop_price", "safe_filled", "safe_price"),
    *("order_date_utc", "order_filled_utc", "safe_amount_after_fee", "stake_amount"),
)
STORE = [called("store_value", "key value"), called("get_string_value", "key")]
WALLETS = [
    called("update"),
    called("get_total", "currency"),
    called("get_total_stake_amount"),
    called("get_starting_balance"),
    called("get_free", "currency"),
    called("get_used", "currency"),
]
MODEL = [
    replaced("start", "dataframe metadata strategy"),
    replaced("start_backtesting", "dataframe metadata dk strategy"),
    replaced("start_live", "dataframe metadata strategy dk"),
    replaced(
        "extract_data_and_train_model",
        "new_trained_timerange pair strategy dk data_load_timerange",
    ),
    replaced("build_strategy_return_arrays", "dataframe dk pair trained_timestamp"),
    replaced("model_exists", "dk"),
    repaired("_append_null_backtesting_predictions", "dk dataframe_backtest"),
    replaced("train", "unfiltered_df pair dk kwargs"),
    replaced("predict", "unfiltered_df dk kwargs"),
    replaced("fit", "data_dictionary dk kwargs"),
    replaced("fit_live_predictions", "dk pair"),
    replaced("backtesting_fit_live_predictions", "dk"),
    replaced("_on_stop"),
    called("define_data_pipeline", "threads"),
    *read("_threads", "total_pairs", "full_path"),
    *read("train_queue", "live", "dd", "freqai_info", "ft_params", "data_split_parameters"),
    *read("class_names", "training_timerange", "scanning", "_stop_event", "base_tf_seconds"),
]
"""Of FreqAI's model: what the two models override and use."""
DRAWER = [
    called("load_data", "coin dk"),
    called("get_pair_dict_info", "pair"),
    called("get_base_and_corr_dataframes", "timerange pair dk"),
    *read("pair_dict", "historic_data", "historic_predictions", "model_return_values"),
    *read("history_lock", "pair_dictionary_path", "global_metadata_path", "metric_tracker_path"),
    *read("historic_predictions_path", "historic_predictions_bkp_path"),
]
"""Of FreqAI's data drawer, which keeps the models."""
MODEL_FILES = ("_model.joblib", "_metadata.json", "_feature_pipeline.pkl", "_label_pipeline.pkl")
"""How FreqAI ends the names of the files without which a model cannot be served."""
JSON_WRITERS = (
    ("save_drawer_to_disk", "pair_dictionary_path"),
    ("save_global_metadata_to_disk", "global_metadata_path"),
    ("save_metric_tracker_to_disk", "metric_tracker_path"),
)
FILE_WRITERS = (
    *JSON_WRITERS,
    ("save_historic_predictions_to_disk", "historic_predictions_path"),
    ("save_historic_predictions_to_disk", "historic_predictions_bkp_path"),
)
"""Methods of FreqAI's drawer, and the attribute that says where each writes."""
KITCHEN = [
    called("filter_features", "unfiltered_df training_feature_list label_list training_filter"),
    called("make_train_test_datasets", "filtered_dataframe labels"),
    called(
        "build_data_dictionary",
        "train_df test_df train_labels test_labels train_weights test_weights",
    ),
    called("find_features", "dataframe"),
    called("get_unique_classes_from_labels", "dataframe"),
    called("set_paths", "pair trained_timestamp"),
    called("set_new_model_names", "pair timestamp_id"),
    called("set_weights_higher_recent", "num_weights"),
    called("fit_labels"),
    *read("data", "data_path", "full_path", "model_filename", "backtest_predictions_folder"),
    *read("backtesting_results_path", "return_dataframe"),
    *read("training_timeranges", "backtesting_timeranges", "training_features_list"),
    *read("label_list", "unique_class_list", "all_pairs", "thread_count", "do_predict"),
    *read("feature_pipeline", "label_pipeline", "DI_values", "data_dictionary"),
]
"""Of FreqAI's data kitchen, which makes features and training rows."""

HISTORY = [
    called("refresh_backtest_ohlcv_data", "exchange pairs timeframes datadir trading_mode"),
    called("load_pair_history", "pair timeframe datadir"),
]
"""Of the module that downloads and loads candle files, for pairs that join."""
STRATEGY = [
    wrapped("_adjust_trade_position_internal", "trade current_time"),
    called("get_exit_signal", "pair timeframe dataframe is_short"),
    called("lock_pair", "pair until reason side"),
]
